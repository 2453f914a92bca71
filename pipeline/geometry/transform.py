"""The affine map of a raster's grid: from rows and columns to its CRS and back.

Rows and columns are counted from the upper left corner of the upper left pixel, so the middle of that pixel is
(0.5, 0.5).
"""

from __future__ import annotations

from typing import Any

import numpy as np

Transform = tuple[float, float, float, float, float, float]
"""a, b, c, d, e, f with x = a*col + b*row + c and y = d*col + e*row + f, in the CRS's unit."""

Numbers = Any
"""A number or an array of numbers; two of one call broadcast."""

UNPLACED: Transform = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
"""The transform of a raster that has none."""


def to_crs(transform: Transform, *, rows: Numbers, cols: Numbers) -> tuple[Numbers, Numbers]:
    """Return x and y of points between pixels."""
    a, b, c, d, e, f = transform
    return a * cols + b * rows + c, d * cols + e * rows + f


def to_pixels(transform: Transform, *, x: Numbers, y: Numbers) -> tuple[Numbers, Numbers]:
    """Return rows and columns of points in the CRS: the inverse of ``to_crs``.

    Raises:
        ZeroDivisionError: the map has no inverse.
    """
    a, b, c, d, e, f = transform
    area = a * e - b * d
    return (a * (y - f) - d * (x - c)) / area, (e * (x - c) - b * (y - f)) / area


def pixel_size(transform: Transform) -> tuple[float, float]:
    """Return a pixel's height and width in the CRS's unit, along its own sides."""
    a, b, _, d, e, _ = transform
    return float(np.hypot(b, e)), float(np.hypot(a, d))


def bounds(transform: Transform, *, height: int, width: int) -> tuple[float, float, float, float]:
    """Return xmin, ymin, xmax, ymax of a grid: a rotated one's corner may be any of them."""
    rows, cols = np.array([0, 0, height, height]), np.array([0, width, 0, width])
    x, y = to_crs(transform, rows=rows, cols=cols)
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def with_pixels(transform: Transform, *, rows: float, cols: float) -> Transform:
    """Return the map of a grid with the same origin whose pixels are ``rows`` times as high, ``cols`` as wide."""
    a, b, c, d, e, f = transform
    return a * cols, b * rows, c, d * cols, e * rows, f
