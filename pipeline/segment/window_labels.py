"""What a window's pixels are: class ids, scores and margins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt, UInt8

from pipeline.segment.protocols import SCORE_NODATA


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowLabels:
    """What is known of a window's pixels: class ids, and probabilities times ``SCORE_MAX``.

    ``score`` and ``margin`` are of squares of ``stride_px`` a side, from the window's origin on: of 1, every pixel. The
    maximum of an array's dtype is no data; a square has none where none of its pixels has any.

    Raises:
        ValueError: the arrays are of other dtypes or shapes, or do not agree on where there is no data.
    """

    mask: UInt[np.ndarray, "y x"]
    score: UInt8[np.ndarray, "y1 x1"]
    margin: UInt8[np.ndarray, "y1 x1"]
    stride_px: int

    def __post_init__(self) -> None:
        if self.stride_px <= 0:
            raise ValueError(f"stride_px must be above zero, got {self.stride_px}")
        found = [(part.dtype.name, part.shape) for part in (self.mask, self.score, self.margin)]
        squares = count_squares(self.mask.shape[:2], self.stride_px)
        expected = [("uint16" if found[0][0] == "uint16" else "uint8", self.mask.shape[:2])]
        expected += [("uint8", squares)] * 2
        if found != expected:
            raise ValueError(f"mask, score and margin of a window are {expected}, got {found}")
        nodata = ~any_in_squares(self.mask != np.iinfo(self.mask.dtype).max, self.stride_px)
        for name in ("score", "margin"):
            if not np.array_equal(getattr(self, name) == SCORE_NODATA, nodata):
                raise ValueError(
                    f"mask and {name} of a window have no data at the same pixels, got different ones"
                )


def count_squares(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Return how many squares, rows and columns, cover an array of this shape (y, x)."""
    return -(-shape[0] // side), -(-shape[1] // side)


def any_in_squares(valid: Bool[np.ndarray, "y x"], side: int) -> Bool[np.ndarray, "y1 x1"]:
    """Return which squares of so many pixels a side have any valid one; the last of a row or column may be cut off."""
    if side == 1:
        return valid
    rows = np.logical_or.reduceat(valid, np.arange(0, valid.shape[0], side), axis=0)
    return np.logical_or.reduceat(rows, np.arange(0, valid.shape[1], side), axis=1)
