"""The lines between the squares of a scene: rings of squares are cut open there and closed again across them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int, Int64, UInt

from pipeline.export.polygons.compiled import follow
from pipeline.export.polygons.rings import Rings, ordered, simple
from pipeline.geometry.window import Window

_NO_SEAM = -1


class Seams:
    """The class ids on both sides of every line between squares of ``side_px``, over a scene of ``extent``."""

    def __init__(self, extent: tuple[int, int], *, side_px: int, nodata: int) -> None:
        height, width = extent
        self._extent, self._side_px = extent, side_px
        rows, cols = -(-height // side_px), -(-width // side_px)
        self._first_rows, self._last_rows = (np.full((rows, width), nodata, np.int32) for _ in range(2))
        self._first_cols, self._last_cols = (np.full((cols, height), nodata, np.int32) for _ in range(2))

    def note(self, square: Window, classes: UInt[np.ndarray, "y x"]) -> None:
        """Note the class ids at the edges of a square."""
        row, col = square.row_off // self._side_px, square.col_off // self._side_px
        rows, cols = slice(square.row_off, square.row_end), slice(square.col_off, square.col_end)
        self._first_rows[row, cols], self._last_rows[row, cols] = classes[0], classes[-1]
        self._first_cols[col, rows], self._last_cols[col, rows] = classes[:, 0], classes[:, -1]

    def on_seams(self, rings: Rings) -> Bool[np.ndarray, " n"]:
        """Tell of each edge, from one vertex to the next, whether it runs on a seam."""
        here, there = rings.vertices, rings.vertices[rings.following()]
        found = np.zeros(len(here), np.bool_)
        for axis, end in enumerate(self._extent):
            line = here[:, axis]
            found |= (line == there[:, axis]) & (line % self._side_px == 0) & (line > 0) & (line < end)
        return found

    def closed(self, rings: Rings, class_id: int, *, with_nodes: bool) -> Rings:
        """Return the rings of a region, of those rings of its pieces that have edges on seams; the shell is first.

        Edges between two pieces of the class vanish. ``with_nodes`` keeps the vertices where the class across a seam
        changes, and where a ring crosses one; without, vertices are where a ring turns.
        """
        units, beside, inside = self._unit_edges(rings)
        kept = beside != class_id
        before = np.empty(len(kept), np.int64)
        before[units.following()] = np.arange(len(kept))
        same = inside & kept & kept[before]
        if with_nodes:
            same &= beside == beside[before]
        opened, kept = units.keep(~same), kept[~same]
        found = _across(opened, kept)
        if not with_nodes:
            found = found.keep(_turns(found))
        _, corners = np.unique(_keys(found.vertices), return_inverse=True)
        split, _ = simple(found, corners, corner_count=len(corners))
        return ordered(split, np.zeros(len(split.lengths), np.int64))[0]

    def _unit_edges(self, rings: Rings) -> tuple[Rings, Int64[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
        """Cut edges on seams into edges of a pixel.

        Returns the rings, the class id beside each edge (-1 where it is on no seam), and whether it begins inside an
        edge of ``rings``.
        """
        vertices = rings.vertices.astype(np.int64)
        on_seam = self.on_seams(rings)
        steps = vertices[rings.following()] - vertices
        counts = np.where(on_seam, np.abs(steps).sum(axis=1), 1)
        edge = np.repeat(np.arange(len(vertices)), counts)
        along = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
        ways = np.sign(steps)[edge] * on_seam[edge, None]
        points = vertices[edge] + along[:, None] * ways
        lengths = np.add.reduceat(counts, rings.starts)
        return Rings(points, lengths), self._beside(points, ways), along > 0

    def _beside(
        self, points: Int64[np.ndarray, "n 2"], ways: Int64[np.ndarray, "n 2"]
    ) -> Int64[np.ndarray, " n"]:
        """Return the class id to the left of each edge of a pixel; -1 for edges that go no way."""
        found = np.full(len(points), _NO_SEAM, np.int64)
        row, col = points.T
        east, west = ways[:, 1] > 0, ways[:, 1] < 0
        south, north = ways[:, 0] > 0, ways[:, 0] < 0
        found[east] = self._last_rows[row[east] // self._side_px - 1, col[east]]
        found[west] = self._first_rows[row[west] // self._side_px, col[west] - 1]
        found[south] = self._first_cols[col[south] // self._side_px, row[south]]
        found[north] = self._last_cols[col[north] // self._side_px - 1, row[north] - 1]
        return found


def _across(rings: Rings, kept: Bool[np.ndarray, " n"]) -> Rings:
    """Leave out edges that are not ``kept``; where a ring is open then, it goes on with one that begins there."""
    after = rings.following()
    ends = np.flatnonzero(kept & ~kept[after])
    begins = after[np.flatnonzero(~kept & kept[after])]
    ends = ends[np.argsort(_keys(rings.vertices[after[ends]]), kind="stable")]
    after[ends] = begins[np.argsort(_keys(rings.vertices[begins]), kind="stable")]
    numbers = np.cumsum(kept) - 1
    successors = numbers[after[kept]]
    order, lengths = np.empty(len(successors), np.int64), np.empty(len(successors), np.int64)
    count = follow(successors, order, lengths)
    return Rings(rings.vertices[kept][order], lengths[:count])


def _turns(rings: Rings) -> Bool[np.ndarray, " n"]:
    """Tell of each vertex whether the ring turns there."""
    after = rings.following()
    ways = rings.vertices[after] - rings.vertices
    turns = np.empty(len(after), np.bool_)
    turns[after] = ways[:, 0] * ways[after, 1] != ways[:, 1] * ways[after, 0]
    return turns


def _keys(vertices: Int[np.ndarray, "n 2"]) -> Int64[np.ndarray, " n"]:
    row, col = vertices.astype(np.int64).T
    keys: np.ndarray = row << 32 | col
    return keys
