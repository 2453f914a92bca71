"""How well masks agree with labelled images."""
