"""Chips laid together: what a window keeps of the queries and features of all chips that cover it.

A chip's part of a place is its ramp there, by the sum of the ramps of all chips that cover it and have data. All of
that, and the order in which chips come, depends on the scene alone, and every chip that covers a place of the window
comes: so a place gets the same bits whatever the window.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Int8, Int32, Int64, UInt, UInt8

from pipeline.geometry.chips import ChipGrid, ChipLayout, ramp
from pipeline.geometry.grid import Lattice
from pipeline.geometry.window import Window
from pipeline.segment.protocols import EMBEDDING_MAX, FEATURE_MAX, KEPT, WEIGHT_MAX

_LEVEL = np.float32(255 / WEIGHT_MAX)  # what of 255 is one of the steps of a weight in a map: 17
_NO_QUERY = np.iinfo(np.int32).max


class BlendedQueries:
    """The strongest queries of each place around a window, as chips are added in the order of the grid."""

    def __init__(self, grid: ChipGrid, asked: Bool[np.ndarray, " chips"], *, area: Window) -> None:
        """Blend chips of ``grid``, of which those ``asked`` will be added, over the places of ``area``."""
        self._area, self._layout = area, grid.layout
        places = grid.layout.side_px // grid.layout.stride_px
        self._ramps = np.multiply.outer(ramp(places), ramp(places))
        self._total = np.zeros(area.shape, np.float32)
        for chip in (each for each, is_asked in zip(grid.chips(), asked, strict=True) if is_asked):
            ours, theirs = self._common(chip)
            self._total[ours] += self._ramps[theirs]
        self._values = np.zeros((*area.shape, KEPT), np.float32)
        self._queries = np.zeros((*area.shape, KEPT), np.int32)
        self._embeddings: list[Int8[np.ndarray, "q e"]] = []

    def add(
        self,
        chip: Window,
        embeddings: Float32[np.ndarray, "q e"],
        index: UInt[np.ndarray, "k y x"],
        weight: UInt8[np.ndarray, "k y x"],
    ) -> None:
        """Add the queries of a chip, which is given by its square."""
        from pipeline.segment.compiled import keep_strongest  # noqa: PLC0415 - numba is slow to import

        first = len(self._embeddings) * len(embeddings)
        self._embeddings.append(directions(embeddings, largest=EMBEDDING_MAX))
        ours, theirs = self._common(chip)
        part = self._ramps[theirs] / self._total[ours]
        keep_strongest(
            self._values[ours],
            self._queries[ours],
            index[(slice(None), *theirs)],
            weight[(slice(None), *theirs)],
            part,
            first,
        )

    def of_chunk(
        self, chunk: Window, lattice: Lattice
    ) -> tuple[Int8[np.ndarray, "n e"], UInt[np.ndarray, "y x k"], UInt8[np.ndarray, "y x k"]]:
        """Return embeddings, index and weight of a chunk's map, see ``WindowProposals``.

        Raises:
            ValueError: more queries occur than 16 bits can tell apart.
        """
        rows, cols = lattice.ringed(chunk)
        at = np.ix_(rows - self._area.row_off, cols - self._area.col_off)
        query, weight = _ascending(self._queries[at], np.rint(self._values[at] / _LEVEL).astype(np.uint8))
        every = np.concatenate(self._embeddings)
        occurs = np.zeros(len(every), np.bool_)
        occurs[query[weight > 0]] = True
        if occurs.sum() > np.iinfo(np.uint16).max + 1:
            raise ValueError(
                f"{occurs.sum()} queries occur in {chunk!r}, more than 65536: make chunks smaller"
            )
        numbers = (np.cumsum(occurs) - 1).astype(np.uint16)
        return every[occurs], np.where(weight > 0, numbers[query], np.uint16(0)), weight

    def _common(self, chip: Window) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Return the places that a chip has in common with the area: where they are in the area, and in the chip."""
        stride_px = self._layout.stride_px
        places = Window(chip.row_off // stride_px, chip.col_off // stride_px, *self._ramps.shape)
        common = places.intersection(self._area)
        if common is None:
            return (slice(0), slice(0)), (slice(0), slice(0))
        return common.slices_in(self._area), common.slices_in(places)


class BlendedFeatures:
    """The features of each cell around a window, as chips are added in the order of the grid."""

    def __init__(self, layout: ChipLayout, *, area: Window, length: int) -> None:
        """Blend features of so many components over the cells of ``area``."""
        self._layout, self._area = layout, area
        self._sum = np.zeros((length, *area.shape), np.float32)

    def add(self, chip: Window, features: Float32[np.ndarray, "e y x"]) -> None:
        """Add the features of a chip, which is given by its square: to each cell those whose middle lies in it."""
        from pipeline.segment.compiled import add_features  # noqa: PLC0415 - numba is slow to import

        along, area = ramp(features.shape[1]), self._area
        rows = self._cells(chip.row_off, len(along), area.row_off, area.row_end)
        cols = self._cells(chip.col_off, len(along), area.col_off, area.col_end)
        add_features(self._sum, features, np.multiply.outer(along, along), rows, cols)

    def of_chunk(self, chunk: Window, lattice: Lattice) -> Int8[np.ndarray, "y x e"]:
        """Return the features of a chunk's map, see ``WindowProposals``."""
        rows, cols = lattice.ringed(chunk)
        at = np.ix_(rows - self._area.row_off, cols - self._area.col_off)
        return directions(np.moveaxis(self._sum, 0, -1)[at], largest=FEATURE_MAX)

    def _cells(self, offset_px: int, patches: int, first: int, end: int) -> Int64[np.ndarray, " n"]:
        """Return in which of the area's cells along an axis the middles of a chip's patches lie, or -1 if in none."""
        patch_px = self._layout.side_px // patches
        middles = 2 * offset_px + patch_px * (2 * np.arange(patches) + 1)  # of half pixels
        cells = middles // (2 * self._layout.cell_px)
        return np.where((cells >= first) & (cells < end), cells - first, -1)


def _ascending(
    query: Int32[np.ndarray, "y x k"], level: UInt8[np.ndarray, "y x k"]
) -> tuple[Int64[np.ndarray, "y x k"], UInt8[np.ndarray, "y x k"]]:
    """Return queries and levels of each place by ascending query; those of level 0, no query, become zeros at the end.

    It works in place, as the arrays are the largest that a chunk needs.
    """
    both = np.where(level > 0, query, _NO_QUERY).astype(np.int64)
    both <<= 8  # sorted as one number
    both |= level
    both.sort(axis=-1)
    level = both.astype(np.uint8)
    both >>= 8
    both[level == 0] = 0
    return both, level


def directions(vectors: Float32[np.ndarray, "*axes e"], *, largest: int) -> Int8[np.ndarray, "*axes e"]:
    """Return vectors in 8 bits: their largest component becomes ``largest`` or its negative; no length stays none."""
    length = np.abs(vectors).max(axis=-1, keepdims=True)
    scaled = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    found: np.ndarray = np.rint(scaled * np.float32(largest)).astype(np.int8)
    return found
