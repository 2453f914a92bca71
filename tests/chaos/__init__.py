"""Runs that are killed again and again: drivers, actors, workers and whole nodes, until the output is complete."""
