"""Tests of scenes as they are read."""
