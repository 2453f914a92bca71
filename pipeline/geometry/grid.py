"""A scene's extent into windows, chunks and smaller squares, on grids anchored at the scene's origin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from pipeline.geometry.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """Squares of ``unit_px`` a side over a scene of ``scene_px`` (height, width); the last ones may reach beyond it."""

    unit_px: int
    scene_px: tuple[int, int]

    def around(self, window: Window) -> Window:
        """Return, counted in squares, those that ``window`` touches and one around, as far as the scene has them."""
        rows, cols = self.ringed(window)
        return Window(int(rows[0]), int(cols[0]), int(rows[-1] - rows[0]) + 1, int(cols[-1] - cols[0]) + 1)

    def ringed(self, window: Window) -> tuple[Int64[np.ndarray, " y"], Int64[np.ndarray, " x"]]:
        """Return the rows and columns of squares that ``window`` touches, and one on each side.

        Beyond the scene's edge the last one inside is repeated.
        """
        ends = ((window.row_off, window.row_end), (window.col_off, window.col_end))
        return (
            _ringed(*ends[0], unit_px=self.unit_px, length_px=self.scene_px[0]),
            _ringed(*ends[1], unit_px=self.unit_px, length_px=self.scene_px[1]),
        )


def plan_windows(height: int, width: int, *, window_px: int) -> Iterator[Window]:
    """Yield the windows of a scene of ``height`` x ``width`` pixels lazily, row by row.

    They partition the extent: every pixel is in exactly one window. All have ``window_px`` a side but the
    last of a row or column, which ends with the scene.
    """
    for row_off in range(0, height, window_px):
        for col_off in range(0, width, window_px):
            yield Window(row_off, col_off, min(window_px, height - row_off), min(window_px, width - col_off))


def squares(window: Window, *, side_px: int) -> Iterator[Window]:
    """Yield the squares that ``window`` touches, row by row, of a lattice that begins at the scene's origin.

    What is computed by square does not depend on the window it is computed for. They may reach beyond the scene.
    """
    for row in range(window.row_off // side_px, -(-window.row_end // side_px)):
        for col in range(window.col_off // side_px, -(-window.col_end // side_px)):
            yield Window(row * side_px, col * side_px, side_px, side_px)


def count_windows(height: int, width: int, *, window_px: int) -> int:
    """Return how many windows ``plan_windows`` yields, without planning them."""
    return -(-height // window_px) * -(-width // window_px)


def chunks_of(window: Window, *, chunk_px: int) -> Iterator[Window]:
    """Yield the chunks of the store that ``window``, which begins with one, is made of, row by row."""
    for inner in plan_windows(window.height, window.width, window_px=chunk_px):
        row_off, col_off = window.row_off + inner.row_off, window.col_off + inner.col_off
        yield Window(row_off, col_off, inner.height, inner.width)


def _ringed(start: int, end: int, *, unit_px: int, length_px: int) -> Int64[np.ndarray, " n"]:
    indices = np.arange(start // unit_px - 1, -(-end // unit_px) + 1)
    return np.clip(indices, 0, (length_px - 1) // unit_px)
