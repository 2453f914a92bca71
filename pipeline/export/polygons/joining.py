"""Which pieces of neighbouring squares are of one region."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64, UInt

from pipeline.export.polygons.compiled import join
from pipeline.geometry.window import Window


class Joining:
    """Pieces of equal class that meet across a seam, as squares of a scene of ``width`` pixels come row by row."""

    def __init__(self, width: int) -> None:
        self._row_ids, self._col_ids = np.zeros(width, np.int64), np.zeros(0, np.int64)
        self._row_numbers, self._col_numbers = np.full(width, -1, np.int64), np.zeros(0, np.int64)
        self._pairs: list[Int64[np.ndarray, "2 n"]] = [np.empty((2, 0), np.int64)]

    def note(self, square: Window, ids: UInt[np.ndarray, "y x"], numbers: Int64[np.ndarray, "y x"]) -> None:
        """Note class ids of a square's pixels, and the number of each one's piece, -1 for no data."""
        cols = slice(square.col_off, square.col_end)
        if square.row_off > 0:
            self._meet(self._row_ids[cols], self._row_numbers[cols], ids[0], numbers[0])
        if square.col_off > 0:
            self._meet(self._col_ids, self._col_numbers, ids[:, 0], numbers[:, 0])
        self._row_ids[cols], self._row_numbers[cols] = ids[-1], numbers[-1]
        self._col_ids, self._col_numbers = ids[:, -1].astype(np.int64), numbers[:, -1].copy()

    def roots(self, pieces: int) -> Int64[np.ndarray, " n"]:
        """Return for each of all pieces the least number of those that it is of one region with."""
        roots = np.arange(pieces)
        join(roots, *np.concatenate(self._pairs, axis=1))
        return roots

    def _meet(
        self,
        ids: Int64[np.ndarray, " n"],
        numbers: Int64[np.ndarray, " n"],
        other_ids: UInt[np.ndarray, " n"],
        others: Int64[np.ndarray, " n"],
    ) -> None:
        same = (ids == other_ids) & (numbers >= 0) & (others >= 0)
        pairs = np.stack([numbers[same], others[same]])
        if pairs.shape[1]:
            anew = np.append(True, (pairs[:, 1:] != pairs[:, :-1]).any(axis=0))
            self._pairs.append(pairs[:, anew])
