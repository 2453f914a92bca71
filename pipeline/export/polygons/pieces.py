"""What one square of a scene has of each region: its pixels, and the rings round them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int, Int32, Int64, Shaped, UInt

from pipeline.export.polygons.compiled import label_pieces, trace_rings
from pipeline.export.polygons.rings import Rings, ordered, simple
from pipeline.geometry.window import Window

FACTS = np.dtype(
    [
        ("class_id", np.int32),
        ("first", np.int64),
        ("at_edge", np.bool_),
        ("pixels", np.int64),
        ("placed", np.int64),
        ("area_m2", np.float64),
        ("scores", np.int64),
    ]
)
"""What is known of a piece beside its rings.

``first`` is the flat index in the scene of its first pixel, ``placed`` how many of its pixels have a place on earth, of
which ``area_m2`` is the sum, ``scores`` the sum of its pixels' scores.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """The 4-connected pieces of equal class in a square, numbered by their first pixels row by row.

    ``labels`` (y, x) has a pixel's piece, counted from 1, and 0 where there is no data; ``first`` is the flat index in
    the square of a piece's first pixel.
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

    def facts(
        self,
        square: Window,
        *,
        scene_width: int,
        scores: UInt[np.ndarray, "y x"],
        areas_m2: Float64[np.ndarray, "y x"] | None,
    ) -> np.ndarray:
        """Return the ``FACTS`` of each piece, of the scores and areas of the pixels of the square; areas may be NaN."""
        found = np.zeros(len(self), FACTS)
        row, col = np.divmod(self.first, square.width)
        found["class_id"] = self.class_ids
        found["first"] = (row + square.row_off) * scene_width + col + square.col_off
        found["at_edge"] = self._at_edge()
        found["pixels"] = self._sums(None)
        found["scores"] = self._sums(scores)
        if areas_m2 is not None:
            placed = ~np.isnan(areas_m2)
            found["placed"] = self._sums(placed)
            found["area_m2"] = self._sums(np.where(placed, areas_m2, 0.0))
        return found

    def _sums(self, weights: Shaped[np.ndarray, "y x"] | None) -> Shaped[np.ndarray, " n"]:
        """Return the sum of each piece's pixels' weights; without any, how many pixels it has."""
        of_pixels = None if weights is None else weights.ravel()
        summed: np.ndarray = np.bincount(self.labels.ravel(), of_pixels, minlength=len(self) + 1)
        return summed[1:]

    def _at_edge(self) -> Bool[np.ndarray, " n"]:
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
