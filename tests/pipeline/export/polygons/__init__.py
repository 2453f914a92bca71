"""Polygons."""
