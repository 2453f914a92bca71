"""Rings of pieces kept on disk while a scene is gone through, read again piece by piece."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from jaxtyping import Int, Int64

from pipeline.export.polygons.rings import Rings

_DTYPE = np.dtype(np.int32)


class PieceFile:
    """Two files in a local folder: the vertices of all rings, and how many each ring has."""

    def __init__(self, folder: Path) -> None:
        self._files = [(folder / name).open("w+b") for name in ("vertices", "lengths")]
        self._ends: list[Int64[np.ndarray, "n 2"]] = [np.zeros((1, 2), np.int64)]
        self._starts: Int64[np.ndarray, "n 2"] | None = None

    def close(self) -> None:
        """Close the files, after which nothing can be read."""
        for file in self._files:
            file.close()

    def add(self, rings: Rings, owners: Int[np.ndarray, " r"], *, pieces: int) -> None:
        """Add the rings of so many pieces, by the piece that owns them, in order from 0."""
        counts = np.stack(
            [np.bincount(owners, rings.lengths, pieces), np.bincount(owners, minlength=pieces)], axis=1
        )
        self._ends.append(self._ends[-1][-1] + np.cumsum(counts.astype(np.int64), axis=0))
        for file, array in zip(self._files, rings, strict=True):
            file.write(np.ascontiguousarray(array, _DTYPE).tobytes())

    def read(self, piece: int) -> Rings:
        """Return the rings of one piece of all that were added, counted from 0."""
        if self._starts is None:
            for file in self._files:
                file.flush()
            self._starts = np.concatenate(self._ends)
            self._ends = [self._starts[-1:]]
        begin, end = self._starts[piece], self._starts[piece + 1]
        vertices, lengths = (
            _read(file.fileno(), int(first) * size, int(last - first) * size)
            for file, first, last, size in zip(self._files, begin, end, (2, 1), strict=True)
        )
        return Rings(vertices.reshape(-1, 2), lengths)


def _read(file: int, first: int, count: int) -> Int[np.ndarray, " n"]:
    content = os.pread(file, count * _DTYPE.itemsize, first * _DTYPE.itemsize)
    return np.frombuffer(content, _DTYPE)
