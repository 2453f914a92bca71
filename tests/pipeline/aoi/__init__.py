"""Tests of areas of interest."""
