"""Segmenting: scenes to masks, by a network."""
