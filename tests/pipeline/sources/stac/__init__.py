"""Tests of scenes from STAC."""
