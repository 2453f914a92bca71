"""What a store says of itself in the dialects that its readers understand."""
