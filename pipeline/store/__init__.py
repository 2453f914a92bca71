"""Mask stores: one Zarr hierarchy a scene, laid out first, then written in whole chunks."""

from pipeline.store.attributes.georeference import count_levels, scene_attributes
from pipeline.store.chunks import chunks_digest, decoded
from pipeline.store.contents import (
    MOST_QUERIES,
    PIXELS_ALONE,
    Contents,
    ProposalsLayout,
    StoredArray,
    chosen_contents,
    chunk_numbers,
)
from pipeline.store.describing import StoreDescription, describe, levels
from pipeline.store.layout import ARRAYS, StoreLayout, StoreTerms, documents
from pipeline.store.lazy.trees import open_tree
from pipeline.store.masks import lay_out, lay_out_again, write
from pipeline.store.overviews import FinishedWindows, OverviewsNote, read_overviews_note, write_overviews
from pipeline.store.proposals import map_bytes
from pipeline.store.provenance import mark, marked
from pipeline.store.reading import KeptWindowArrays, contents_of, read, read_kept, read_proposals
from pipeline.store.scenes import SCENES_DOCUMENT, is_group, lay_out_scenes
from pipeline.store.zarr_stores import store_at

__all__ = [
    "ARRAYS",
    "MOST_QUERIES",
    "PIXELS_ALONE",
    "SCENES_DOCUMENT",
    "Contents",
    "FinishedWindows",
    "KeptWindowArrays",
    "OverviewsNote",
    "ProposalsLayout",
    "StoreDescription",
    "StoreLayout",
    "StoreTerms",
    "StoredArray",
    "chosen_contents",
    "chunk_numbers",
    "chunks_digest",
    "contents_of",
    "count_levels",
    "decoded",
    "describe",
    "documents",
    "is_group",
    "lay_out",
    "lay_out_again",
    "lay_out_scenes",
    "levels",
    "map_bytes",
    "mark",
    "marked",
    "open_tree",
    "read",
    "read_kept",
    "read_overviews_note",
    "read_proposals",
    "scene_attributes",
    "store_at",
    "write",
    "write_overviews",
]
