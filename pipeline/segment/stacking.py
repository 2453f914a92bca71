"""Maps of chunks, of several sizes, as the arrays of one window."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Int8, Shaped, UInt8, UInt16

from pipeline.geometry.grid import chunks_of
from pipeline.geometry.window import Window
from pipeline.segment.window_proposals import WindowProposals

Queries = tuple[Int8[np.ndarray, "n e"], UInt16[np.ndarray, "y x k"], UInt8[np.ndarray, "y x k"]]
"""Embeddings, index and weight of a chunk."""


def stacked(
    queries: Iterable[Queries] | None,
    features: Iterable[Int8[np.ndarray, "y x e"]] | None,
    *,
    chunks: int,
    chunk_px: int,
) -> WindowProposals:
    """Return the proposals of a window of so many chunks: its queries and its features, or None where it has none."""
    nothing = (np.zeros((0, 0), np.int8), np.zeros((0, 0, 0), np.uint16), np.zeros((0, 0, 0), np.uint8))
    of_queries = [nothing] * chunks if queries is None else [*queries]
    of_features = [np.zeros((0, 0, 0), np.int8)] * chunks if features is None else [*features]
    embeddings, index, weight = zip(*of_queries, strict=True)
    return WindowProposals(
        chunk_px=chunk_px,
        embeddings=_padded(embeddings),
        index=_padded(index),
        weight=_padded(weight),
        features=_padded(of_features),
        queries=np.array([len(each) for each in embeddings]),
        places=np.array([each.shape[:2] for each in index]),
        cells=np.array([each.shape[:2] for each in of_features]),
    )


def no_proposals(window: Window, *, chunk_px: int) -> WindowProposals:
    """Return the proposals of a window in which no chip had data."""
    return stacked(None, None, chunks=len([*chunks_of(window, chunk_px=chunk_px)]), chunk_px=chunk_px)


def _padded(arrays: Sequence[Shaped[np.ndarray, "..."]]) -> Shaped[np.ndarray, "chunk ..."]:
    """Stack arrays of several shapes, zeros behind the smaller ones."""
    shape = np.max([array.shape for array in arrays], axis=0)
    whole = np.zeros((len(arrays), *shape), arrays[0].dtype)
    for part, array in zip(whole, arrays, strict=True):
        part[tuple(slice(length) for length in array.shape)] = array
    return whole
