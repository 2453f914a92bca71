"""What one square of a scene has of each region: its pixels, and the rings round them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int, Int32, Int64, UInt

from pipeline.export.polygons.compiled import label_pieces, trace_rings
from pipeline.export.polygons.rings import Rings, ordered, simple


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """The 4-connected pieces of equal class in a square, numbered by their first pixels row by row.

    ``labels`` (y, x) has a pixel's piece, counted from 1, and 0 where there is no data; ``first`` is the flat index in
    the square of a piece's first pixel, and ``touches`` says whether it comes to the square's edge.
    """

    labels: Int32[np.ndarray, "y x"]
    class_ids: UInt[np.ndarray, " n"]
    first: Int64[np.ndarray, " n"]

    @classmethod
    def of(cls, classes: UInt[np.ndarray, "y x"], nodata: int) -> Pieces:
        """Find the pieces of a square's class ids."""
        labels = np.empty(classes.shape, np.int32)
        firsts = np.empty(classes.size, np.int64)
        first = firsts[: label_pieces(classes, nodata, labels, firsts)].copy()
        return cls(labels=labels, class_ids=classes.ravel()[first], first=first)

    def __len__(self) -> int:
        return len(self.first)

    def sums(self, weights: Float64[np.ndarray, "y x"] | None = None) -> Float64[np.ndarray, " n"]:
        """Return the sum of each piece's pixels' weights; without any, how many pixels it has."""
        of_pixels = None if weights is None else weights.ravel()
        summed: np.ndarray = np.bincount(self.labels.ravel(), of_pixels, minlength=len(self) + 1)[1:]
        return summed.astype(np.float64)

    def at_edge(self) -> Bool[np.ndarray, " n"]:
        """Tell of each piece whether it comes to an edge of the square."""
        edges = (self.labels[0], self.labels[-1], self.labels[:, 0], self.labels[:, -1])
        found = np.zeros(len(self) + 1, np.bool_)
        found[np.concatenate(edges)] = True
        return found[1:]

    def rings(self, *, with_nodes: bool) -> tuple[Rings, Int[np.ndarray, " r"]]:
        """Return the rings round the pieces, a piece's shell before its holes, and the piece of each, from 0.

        Rows and columns count from the square's corner. Vertices are where a ring turns, and with ``with_nodes`` also
        where three pieces meet.
        """
        padded = np.pad(self.labels, 1)
        edges = 2 * sum(int(np.count_nonzero(np.diff(padded, axis=axis))) for axis in (0, 1))
        vertices, lengths, owners = (np.empty(shape, np.int32) for shape in ((edges, 2), edges, edges))
        count, used = trace_rings(padded, with_nodes, vertices, lengths, owners)
        traced = Rings(vertices[:used], lengths[:count])
        across = self.labels.shape[1] + 1
        corners = traced.vertices[:, 0].astype(np.int64) * across + traced.vertices[:, 1]
        split, sources = simple(traced, corners, corner_count=(self.labels.shape[0] + 1) * across)
        return ordered(split, owners[sources] - 1)
