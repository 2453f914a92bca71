"""A map of cells as polygons of a few hundred corners at most, in pixels."""

from __future__ import annotations

import numpy as np
import shapely
from jaxtyping import Bool

from pipeline.geometry.window import Window

MOST_CORNERS = 1000
"""Of a scene's outline: where it has more, as one full of clouds does, it is drawn with cells twice as wide."""
_STEPS = 4  # corners of stairs for one that is left of them: more are not worth the try


def outline(cells: Bool[np.ndarray, "rows cols"], *, side_px: int, extent: Window) -> list[shapely.Polygon]:
    """Return polygons of (column, row) around the cells that are set, of ``side_px``, as far as ``extent`` has them.

    They have all corners within a cell's side of the cells' own outline.
    """
    while _corners(cells) > _STEPS * MOST_CORNERS:
        cells, side_px = _halved(cells), 2 * side_px
    while True:
        around = _around(cells, side_px=side_px, extent=extent)
        simple = shapely.simplify(around, side_px, preserve_topology=True)
        if shapely.get_num_coordinates(simple) <= MOST_CORNERS:
            return list(shapely.get_parts(simple))
        cells, side_px = _halved(cells), 2 * side_px


def _corners(cells: Bool[np.ndarray, "rows cols"]) -> int:
    """Return how many corners the outline of cells has, before it is simplified."""
    ringed = np.pad(cells, 1)
    changes = ringed[1:] ^ ringed[:-1]
    return int(np.count_nonzero(changes[:, 1:] ^ changes[:, :-1]))


def _around(cells: Bool[np.ndarray, "rows cols"], *, side_px: int, extent: Window) -> shapely.Geometry:
    """Return the outline of cells that are set, from boxes round the runs of each row."""
    edges = np.diff(np.pad(cells.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    rows, first = np.nonzero(edges == 1)
    _, last = np.nonzero(edges == -1)
    right, bottom = (
        np.minimum(ends * side_px, most)
        for ends, most in ((last, extent.col_end), (rows + 1, extent.row_end))
    )
    return shapely.union_all(shapely.box(first * side_px, rows * side_px, right, bottom))


def _halved(cells: Bool[np.ndarray, "rows cols"]) -> Bool[np.ndarray, "rows1 cols1"]:
    """Return cells twice as wide, which are set where one of their own is."""
    even = np.pad(cells, [(0, size % 2) for size in cells.shape])
    height, width = even.shape
    return np.asarray(even.reshape(height // 2, 2, width // 2, 2).any(axis=(1, 3)))
