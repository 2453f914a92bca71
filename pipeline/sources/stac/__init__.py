"""Scenes of STAC documents and searches."""
