"""Training in two stages, by recipes."""
