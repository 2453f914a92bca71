"""Tests of coarser levels."""
