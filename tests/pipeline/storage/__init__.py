"""Tests of objects at a uri, on real servers."""
