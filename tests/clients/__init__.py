"""What other people's programs find in a mask store, each compared with one oracle."""
