"""Masks as polygons: each region of one class is one, whatever windows it was made in."""
