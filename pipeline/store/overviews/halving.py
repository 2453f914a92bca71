"""Two by two pixels become one. What is no data has no part in it, and is all that becomes no data.

A side of odd length keeps its last row or column, of which there are one or two pixels then.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt


def halved_classes(ids: UInt[np.ndarray, "y x"], *, nodata: int) -> UInt[np.ndarray, "y2 x2"]:
    """Return the most frequent class id of each two by two pixels; of those as frequent the first, row by row.

    >>> halved_classes(np.array([[1, 2, 255], [2, 1, 255]], np.uint8), nodata=255)
    array([[  1, 255]], dtype=uint8)
    """
    a, b, c, d = _quarters(ids, nodata)
    has_a, has_b, has_c = a != nodata, b != nodata, c != nodata
    found = np.where(has_a, a, np.where(has_b, b, np.where(has_c, c, d)))
    # Two alike win: of two such pairs the one with the first pixel, and of three alike there are no others.
    found = np.where(has_c & (c == d), c, found)
    found = np.where(has_b & ((b == c) | (b == d)), b, found)
    return np.where(has_a & ((a == b) | (a == c) | (a == d)), a, found)


def halved_values(values: UInt[np.ndarray, "y x"], *, nodata: int) -> UInt[np.ndarray, "y2 x2"]:
    """Return the mean of each two by two values, rounded to the next whole number, halves up.

    >>> halved_values(np.array([[1, 2, 255], [2, 255, 7]], np.uint8), nodata=255)
    array([[2, 7]], dtype=uint8)
    """
    parts = _quarters(values, nodata)
    number, total = np.zeros((2, *parts[0].shape), np.uint32)
    for part in parts:
        there = part != nodata
        number += there
        total += np.where(there, part, 0)
    mean = (2 * total + number) // np.maximum(2 * number, 1)
    return np.where(number > 0, mean, nodata).astype(values.dtype)


def _quarters(values: UInt[np.ndarray, "y x"], nodata: int) -> list[UInt[np.ndarray, "y2 x2"]]:
    """Return the upper left, upper right, lower left and lower right pixels."""
    height, width = values.shape
    padded = np.pad(values, ((0, height % 2), (0, width % 2)), constant_values=nodata)
    return [np.ascontiguousarray(padded[row::2, col::2]) for row in (0, 1) for col in (0, 1)]
