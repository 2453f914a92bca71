"""Zarr images that anybody may have written: their documents, codecs and chunks are trusted in nothing."""

from pipeline.raster.zarr.reading import opened_zarr, zarr_info

__all__ = ["opened_zarr", "zarr_info"]
