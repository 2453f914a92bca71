"""Tests of what is in an output."""
