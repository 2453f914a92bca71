"""Stores as arrays that are read when they are asked for: the doors to dask and to xarray."""
