"""Mask stores: one Zarr hierarchy a scene, laid out first, then written in whole chunks."""

from pipeline.store.chunks import decoded
from pipeline.store.layout import ARRAYS, documents
from pipeline.store.masks import lay_out, read, write
from pipeline.store.provenance import mark, marked
from pipeline.store.scenes import SCENES_DOCUMENT, is_group, lay_out_scenes
from pipeline.store.zarr_stores import store_at

__all__ = [
    "ARRAYS",
    "SCENES_DOCUMENT",
    "decoded",
    "documents",
    "is_group",
    "lay_out",
    "lay_out_scenes",
    "mark",
    "marked",
    "read",
    "store_at",
    "write",
]
