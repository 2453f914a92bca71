"""Tests of clusters and of what fits them."""
