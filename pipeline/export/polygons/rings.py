"""Rings as two arrays: the vertices of all, and how many each has. A ring's last vertex is not its first again."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, Int64

from pipeline.export.polygons.compiled import split_rings


class Rings(NamedTuple):
    """Rings one after another, with the row and column of each vertex; shells go clockwise as rows are drawn."""

    vertices: Int[np.ndarray, "n 2"]
    lengths: Int[np.ndarray, " r"]

    @property
    def starts(self) -> Int64[np.ndarray, " r"]:
        """The first vertex of each."""
        starts: np.ndarray = np.cumsum(self.lengths) - self.lengths
        return starts

    @property
    def ring_of(self) -> Int64[np.ndarray, " n"]:
        """The ring of each vertex."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    def following(self) -> Int64[np.ndarray, " n"]:
        """Return the number of the vertex after each."""
        after = np.arange(1, len(self.vertices) + 1)
        after[self.starts + self.lengths - 1] = self.starts
        return after

    def take(self, rings: Int[np.ndarray, " k"]) -> Rings:
        """Return some of them, in this order."""
        lengths = self.lengths[rings]
        begins = np.cumsum(lengths) - lengths
        return Rings(
            self.vertices[np.arange(lengths.sum()) + np.repeat(self.starts[rings] - begins, lengths)], lengths
        )

    def keep(self, vertices: Bool[np.ndarray, " n"]) -> Rings:
        """Return them without the other vertices."""
        return Rings(self.vertices[vertices], np.add.reduceat(vertices, self.starts, dtype=np.int64))

    def areas(self) -> Int64[np.ndarray, " r"]:
        """Return their areas in half pixels, below zero where they go round a hole."""
        row, col = self.vertices.astype(np.int64).T
        after = self.following()
        return np.add.reduceat(col * row[after] - col[after] * row, self.starts)


def joined(parts: list[Rings]) -> Rings:
    """Return the rings of all parts, of which there is one at least."""
    return Rings(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def simple(
    rings: Rings, corners: Int64[np.ndarray, " n"], *, corner_count: int
) -> tuple[Rings, Int64[np.ndarray, " r"]]:
    """Return rings that come to no corner twice, of the same edges, and of which ring each is a part.

    ``corners`` is the number of each vertex's corner, below ``corner_count``.
    """
    order, lengths, sources = (np.empty(len(corners), np.int64) for _ in range(3))
    count = split_rings(corners, rings.lengths, corner_count, order, lengths, sources)
    return Rings(rings.vertices[order], lengths[:count]), sources[:count]


def ordered(rings: Rings, owners: Int[np.ndarray, " r"]) -> tuple[Rings, Int[np.ndarray, " r"]]:
    """Return rings by their owner, each owner's shell first, then by their first vertex, and their owners.

    A ring begins with its first vertex row by row.
    """
    row, col = rings.vertices.astype(np.int64).T
    keys = row << 32 | col
    least = np.minimum.reduceat(keys, rings.starts)
    begins = np.flatnonzero(keys == np.repeat(least, rings.lengths)) - rings.starts
    place = np.arange(len(keys)) - np.repeat(rings.starts, rings.lengths) + np.repeat(begins, rings.lengths)
    turned = np.repeat(rings.starts, rings.lengths) + place % np.repeat(rings.lengths, rings.lengths)
    rings = Rings(rings.vertices[turned], rings.lengths)
    by = np.lexsort((least, rings.areas() < 0, owners))
    return rings.take(by), owners[by]
