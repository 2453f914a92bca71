"""What a run counts, warns of and reports."""
