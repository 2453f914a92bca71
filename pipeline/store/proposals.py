"""Proposals as they are kept: of each chunk of the masks one object an array, whatever the size of windows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import zarr
from jaxtyping import Shaped
from zarr.codecs import ZstdCodec

from pipeline.errors import StoreError
from pipeline.geometry.window import Window
from pipeline.segment import EMBEDDING_MAX, FEATURE_MAX, WEIGHT_MAX
from pipeline.store.contents import PROPOSALS, Contents, ProposalsLayout, chunk_numbers

RING = 1
"""So many places, and cells, surround those of a chunk on each side."""

Arrays = Mapping[str, Shaped[np.ndarray, "chunk ..."]]

_DTYPES: Mapping[str, str] = {"embeddings": "int8", "index": "uint16", "weight": "uint8", "features": "int8"}
_AXES: Mapping[str, tuple[str, ...]] = {
    "embeddings": ("query", "embedding"),
    "index": ("place_y", "place_x", "rank"),
    "weight": ("place_y", "place_x", "rank"),
    "features": ("cell_y", "cell_x", "embedding"),
}
_MEANINGS: Mapping[str, str] = {
    "embeddings": (
        f"direction of each query that the chunk's map has, the largest number {EMBEDDING_MAX}; rows of zeros are no "
        "queries"
    ),
    "index": "row of embeddings of the strongest queries of a place, ascending; 0 where weight is 0",
    "weight": (
        f"that place's weight of the query, in 1/{WEIGHT_MAX}: its probability times its chip's part of the "
        "place; 0 at the end is no query"
    ),
    "features": f"direction of what a cell shows, the largest number {FEATURE_MAX}; zeros are no feature",
}
_ABOUT = (
    "What a network says of the scene before any vocabulary, and all that class ids, scores and margins are made of. "
    "The first two axes are the row and the column of a chunk of the masks; zeros follow what a chunk has. "
    "Places are squares of stride_px, cells of features squares of feature_stride_px, both from the scene's origin on; "
    "a chunk has its own and a ring of them around, which beyond the scene repeats the last one inside. Chips have a "
    "side of chip_px and begin at multiples of step_px; where they overlap they are blended."
)


def create_proposals(root: zarr.Group, contents: Contents, *, extent: tuple[int, int], chunk_px: int) -> None:
    """Create the group of proposals of a scene of ``extent`` (height, width), without a chunk."""
    kept = contents.proposals
    if kept is None:
        raise ValueError("there is no layout of proposals to create a group of")
    about = {
        "long_name": _ABOUT,
        **asdict(kept),
        "chunk_px": chunk_px,
        "weight_levels": WEIGHT_MAX + 1,
        "ring": RING,
        **contents.attributes,
    }
    group = root.create_group(PROPOSALS, attributes=about)
    chunks = tuple(-(-side // chunk_px) for side in extent)
    for name in contents.maps:
        inner = _inner_shape(kept, name, extent=extent, chunk_px=chunk_px)
        group.create_array(
            name,
            shape=(*chunks, *inner),
            chunks=(1, 1, *inner),
            dtype=_DTYPES[name],
            fill_value=0,
            compressors=ZstdCodec(level=9),  # a fifth less than level 3, and nothing beside a network's time
            dimension_names=["chunk_y", "chunk_x", *_AXES[name]],
            attributes={"long_name": _MEANINGS[name]},
        )


def map_bytes(contents: Contents, *, chunk_px: int) -> int:
    """Return the most bytes that the map of a chunk takes in memory: none where the store keeps no proposals."""
    kept = contents.proposals
    if kept is None:
        return 0
    shapes = {
        name: _inner_shape(kept, name, extent=(chunk_px, chunk_px), chunk_px=chunk_px)
        for name in contents.maps
    }
    return sum(np.dtype(_DTYPES[name]).itemsize * math.prod(shape) for name, shape in shapes.items())


def block(
    name: str,
    values: Shaped[np.ndarray, "chunk ..."],
    *,
    array: zarr.Array[Any],
    window: Window,
    chunk_px: int,
) -> np.ndarray:
    """Return one array of a window's proposals, padded by zeros, as the part of ``array`` that its chunks are.

    Raises:
        StoreError: it is not of the window's chunks, or has another dtype or more than a chunk of ``array`` has.
    """
    chunks, inner = len(list(chunk_numbers(window, chunk_px=chunk_px))), array.shape[2:]
    fits = values.ndim == 1 + len(inner) and all(
        got <= most for got, most in zip(values.shape[1:], inner, strict=True)
    )
    if values.dtype != array.dtype or not fits or len(values) != chunks:
        raise StoreError(
            f"the proposals' {name} of {window!r} must be {array.dtype} of ({chunks} chunks, at most {inner}), got "
            f"{values.dtype} of {values.shape}: nothing of it was written"
        )
    whole = np.zeros((chunks, *inner), array.dtype)
    whole[(slice(None), *(slice(side) for side in values.shape[1:]))] = values
    rows, cols = block_of(window, chunk_px=chunk_px)
    return whole.reshape(rows.stop - rows.start, cols.stop - cols.start, *inner)


def block_of(window: Window, *, chunk_px: int) -> tuple[slice, slice]:
    """Return which rows and columns of chunks a window is of."""
    return (
        slice(window.row_off // chunk_px, -(-window.row_end // chunk_px)),
        slice(window.col_off // chunk_px, -(-window.col_end // chunk_px)),
    )


def stacked(
    blocks: Mapping[str, Shaped[np.ndarray, "row col ..."]],
    kept: ProposalsLayout,
    *,
    window: Window,
    chunk_px: int,
) -> dict[str, np.ndarray]:
    """Return the arrays of a window's chunks, stacked row by row, and how much of each chunk is real.

    Beside the arrays of the layout there are int64 arrays, a row a chunk: ``queries`` (chunk,), and ``places`` and
    ``cells`` (chunk, 2), with the ring. What no chunk of the window has is cut off. Arrays that the layout lacks have a
    length of 0 in all axes but the first.
    """
    count = len(list(chunk_numbers(window, chunk_px=chunk_px)))
    whole = {name: values.reshape(count, *values.shape[2:]) for name, values in blocks.items()}
    for name, axes in _AXES.items():
        whole.setdefault(name, np.zeros((count, *[0] * len(axes)), _DTYPES[name]))
    queries = whole["embeddings"].any(axis=2) if whole["embeddings"].size else np.zeros((count, 1), np.bool_)
    real = {
        "queries": (queries * np.arange(1, queries.shape[1] + 1)).max(axis=1),
        "places": _sides(window, kept.stride_px if kept.k else None, chunk_px=chunk_px),
        "cells": _sides(window, kept.feature_stride_px, chunk_px=chunk_px),
    }
    whole["embeddings"] = whole["embeddings"][:, : real["queries"].max()]
    for name, sides in (("index", "places"), ("weight", "places"), ("features", "cells")):
        rows, cols = real[sides].max(axis=0)
        whole[name] = whole[name][:, :rows, :cols]
    return {name: np.ascontiguousarray(values) for name, values in (whole | real).items()}


def _sides(window: Window, stride_px: int | None, *, chunk_px: int) -> np.ndarray:
    """Return rows and columns of squares that each chunk has, with the ring."""
    chunks = list(chunk_numbers(window, chunk_px=chunk_px))
    if stride_px is None:
        return np.zeros((len(chunks), 2), np.int64)
    ends = [
        (min((row + 1) * chunk_px, window.row_end), min((col + 1) * chunk_px, window.col_end))
        for row, col in chunks
    ]
    starts = [(row * chunk_px, col * chunk_px) for row, col in chunks]
    sides_px = np.array(ends, np.int64) - np.array(starts, np.int64)
    return np.asarray(-(-sides_px // stride_px) + 2 * RING)


def _inner_shape(
    kept: ProposalsLayout, name: str, *, extent: tuple[int, int], chunk_px: int
) -> tuple[int, ...]:
    """Return the axes of an array behind those of the chunk: of the largest chunk that the scene has."""
    largest = Window(0, 0, *(min(side, chunk_px) for side in extent))
    if name == "embeddings":
        return kept.most_queries, kept.embed_dim
    of_cells = name == "features"
    (sides,) = _sides(largest, kept.feature_stride_px if of_cells else kept.stride_px, chunk_px=chunk_px)
    return int(sides[0]), int(sides[1]), kept.embed_dim if of_cells else kept.k
