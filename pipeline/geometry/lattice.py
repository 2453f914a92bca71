"""Equal squares over a scene from its origin on, such as places and cells, and the ramps by which chips blend there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64

from pipeline.geometry.grid import plan_windows
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


def chunks_of(window: Window, *, chunk_px: int) -> Iterator[Window]:
    """Yield the chunks of the store that ``window``, which begins with one, is made of, row by row."""
    for inner in plan_windows(window.height, window.width, window_px=chunk_px):
        row_off, col_off = window.row_off + inner.row_off, window.col_off + inner.col_off
        yield Window(row_off, col_off, inner.height, inner.width)


def ramp(points: int) -> Float32[np.ndarray, " points"]:
    """Return what weight a chip has at the middles of so many equal parts of its side, before blending.

    It falls from the chip's middle to zero at its edges: the lesser of t and 1 - t, with t from 0 to 1 over the side.
    """
    along = (np.arange(points, dtype=np.float32) + np.float32(0.5)) / np.float32(points)
    falling: np.ndarray = np.minimum(along, np.float32(1) - along)
    return falling


def _ringed(start: int, end: int, *, unit_px: int, length_px: int) -> Int64[np.ndarray, " n"]:
    indices = np.arange(start // unit_px - 1, -(-end // unit_px) + 1)
    return np.clip(indices, 0, (length_px - 1) // unit_px)
