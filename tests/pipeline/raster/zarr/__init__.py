"""Tests of Zarr images."""
