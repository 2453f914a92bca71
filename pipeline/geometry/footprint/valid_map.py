"""A coarse map of where a scene has data, which is made window by window and does not depend on windows."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int64

from pipeline.geometry.window import Window

CELLS = 256
"""So many cells a scene has along its longer side, at most."""


class ValidMap:
    """Which cells of a scene have a valid pixel: squares of ``side_px`` from its origin on, cut at its edges."""

    def __init__(self, *, height: int, width: int) -> None:
        """Begin it for a scene of ``height`` x ``width`` pixels, without any that is valid."""
        self.extent = Window(0, 0, height, width)
        self.side_px = -(-max(height, width) // CELLS)
        self.cells: Bool[np.ndarray, "rows cols"] = np.zeros(
            (-(-height // self.side_px), -(-width // self.side_px)), np.bool_
        )

    def add(self, window: Window, valid: Bool[np.ndarray, "y x"] | None = None) -> None:
        """Take in which pixels of a window of the scene are ``valid``: all of them where it is None."""
        rows, cols = (self._cells(*ends) for ends in _ends(window))
        part = self.cells[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
        if valid is None:
            part[:] = True
        else:
            below = np.logical_or.reduceat(valid, self._starts(rows, window.row_off), axis=0)
            part |= np.logical_or.reduceat(below, self._starts(cols, window.col_off), axis=1)

    def _cells(self, start: int, end: int) -> Int64[np.ndarray, " n"]:
        return np.arange(start // self.side_px, -(-end // self.side_px))

    def _starts(self, cells: Int64[np.ndarray, " n"], offset: int) -> Int64[np.ndarray, " n"]:
        """Return where cells begin in a window at ``offset``."""
        starts: np.ndarray = np.maximum(cells * self.side_px - offset, 0)
        return starts


def _ends(window: Window) -> tuple[tuple[int, int], tuple[int, int]]:
    return (window.row_off, window.row_end), (window.col_off, window.col_end)
