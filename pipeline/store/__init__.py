"""Mask stores: one Zarr hierarchy a scene, laid out first, then written in whole chunks."""

from pipeline.store.layout import ARRAYS
from pipeline.store.masks import lay_out, read, write
from pipeline.store.opening import store_at

__all__ = ["ARRAYS", "lay_out", "read", "store_at", "write"]
