"""Maps of chunks with made-up values, as stores keep them: each a function of its chunk alone."""

from __future__ import annotations

import numpy as np

from pipeline.geometry.window import Window
from pipeline.store import Contents, ProposalsLayout, chunk_numbers

CHUNK_PX = 64
KEPT = ProposalsLayout(
    stride_px=4,
    feature_stride_px=32,
    k=3,
    embed_dim=8,
    most_queries=20,
    chip_px=64,
    step_px=32,
    checkpoint="made-up",
    checkpoint_digest="5f" * 32,
)
CONTENTS = Contents(score_stride_px=4, proposals=KEPT)


def maps(
    window: Window, *, extent: tuple[int, int], kept: ProposalsLayout = KEPT, chunk_px: int = CHUNK_PX
) -> dict[str, np.ndarray]:
    """Return the maps of a window's chunks, stacked row by row, zeros behind what is smaller, and what is real."""
    every = [
        _map(cell, extent=extent, kept=kept, chunk_px=chunk_px)
        for cell in chunk_numbers(window, chunk_px=chunk_px)
    ]
    found = {name: _stacked([each[name] for each in every]) for name in every[0]}
    return found | {
        "queries": np.array([len(each["embeddings"]) for each in every]),
        "places": np.array([each["index"].shape[:2] for each in every]),
        "cells": np.array([each["features"].shape[:2] for each in every]),
    }


def labels(window: Window, *, extent: tuple[int, int], stride_px: int = 4) -> dict[str, np.ndarray]:
    """Return class ids 0..3 of a window's pixels, and scores and margins of its squares."""
    height, width = extent
    chance = np.random.default_rng(1)
    ids = chance.integers(0, 4, (height, width), np.uint8)
    squares = chance.integers(0, 255, (2, -(-height // stride_px), -(-width // stride_px)), np.uint8)
    rows, cols = (
        slice(start // stride_px, -(-end // stride_px))
        for start, end in ((window.row_off, window.row_end), (window.col_off, window.col_end))
    )
    pixels = window.slices_in(Window(0, 0, height, width))
    return {"class": ids[pixels], "score": squares[0, rows, cols], "margin": squares[1, rows, cols]}


def _map(
    cell: tuple[int, int], *, extent: tuple[int, int], kept: ProposalsLayout, chunk_px: int
) -> dict[str, np.ndarray]:
    chance = np.random.default_rng([*cell, kept.k, kept.embed_dim])
    sides = [min(chunk_px, side - at * chunk_px) for side, at in zip(extent, cell, strict=True)]
    nothing: dict[str, np.ndarray] = {
        "embeddings": np.zeros((0, 0), np.int8),
        "index": np.zeros((0, 0, 0), np.uint16),
        "weight": np.zeros((0, 0, 0), np.uint8),
        "features": np.zeros((0, 0, 0), np.int8),
    }
    found = {}
    if kept.k:
        queries = int(chance.integers(1, kept.most_queries + 1))
        places = [-(-side // kept.stride_px) + 2 for side in sides]
        found["embeddings"] = chance.integers(-127, 127, (queries, kept.embed_dim), np.int8)
        found["embeddings"][:, 0] = 127
        found["index"] = np.sort(chance.integers(0, queries, (*places, kept.k), np.uint16), axis=2)
        found["weight"] = chance.integers(0, 16, (*places, kept.k), np.uint8)
    if kept.feature_stride_px is not None:
        cells = [-(-side // kept.feature_stride_px) + 2 for side in sides]
        found["features"] = chance.integers(-127, 128, (*cells, kept.embed_dim), np.int8)
    return nothing | found


def _stacked(arrays: list[np.ndarray]) -> np.ndarray:
    shape = np.max([array.shape for array in arrays], axis=0)
    whole = np.zeros((len(arrays), *shape), arrays[0].dtype)
    for part, array in zip(whole, arrays, strict=True):
        part[tuple(map(slice, array.shape))] = array
    return whole
