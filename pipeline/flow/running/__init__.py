"""What every run has in common, whatever its steps are."""
