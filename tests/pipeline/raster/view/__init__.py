"""Tests of how it is decided to read a scene."""
