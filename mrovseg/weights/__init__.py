"""Checkpoints in and out, and weights that others trained."""
