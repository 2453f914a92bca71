"""Mask stores: one Zarr hierarchy a scene, laid out first, then written in whole chunks."""

from pipeline.store.layout import ARRAYS, documents
from pipeline.store.masks import lay_out, read, write
from pipeline.store.opening import store_at
from pipeline.store.stored import decoded

__all__ = ["ARRAYS", "decoded", "documents", "lay_out", "read", "store_at", "write"]
