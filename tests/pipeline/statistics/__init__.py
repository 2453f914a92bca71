"""Tests of the statistics of masks."""
