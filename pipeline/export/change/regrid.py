"""Class ids of one scene on the grid of another, as `--gsd` has pixels: coarser ones of what they cover.

Each pixel is looked at in n x n points: in its centre where the other grid is as fine or coarser, else in as many along
its side as pixels of the other grid lie there, rounded up, and in four where these are two. It takes the class that
most points have, of equals the first row by row, as in overviews, and is valid where half of its points or more are. On
grids that are a whole number of pixels apart nothing is changed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64, UInt

from pipeline.errors import RasterError
from pipeline.export.moving import moved
from pipeline.export.scenes import ExportScene
from pipeline.geometry.areas import ground_size_m
from pipeline.geometry.grid import chunks_of
from pipeline.geometry.scene import Header
from pipeline.geometry.transform import pixel_size, to_crs, to_pixels
from pipeline.geometry.window import Window

_SAME = 0.01  # pixel sizes that differ by less are one, as in `--gsd`
_ROUNDED = 6  # digits of a position in pixels: a point between two pixels is in the same one in every window
_AT_ONCE_POINTS = 1 << 22
_SCORES, _NO_SCORE = ("score", "margin"), 255

Places = tuple[Int64[np.ndarray, "ny nx"], Int64[np.ndarray, "ny nx"]]
"""Rows and columns of points on a grid, -1 outside of it."""


def points_along(header: Header, other: Header) -> int:
    """Return in how many points along its side a pixel of ``header`` is looked at on another grid."""
    sizes = [ground_size_m(each) for each in (header, other)]
    if None in sizes or header.crs_wkt == other.crs_wkt:
        sizes = [math.sqrt(math.prod(pixel_size(each.transform))) for each in (header, other)]
    size, other_size = sizes
    assert size is not None  # noqa: S101 - a pixel has a side
    assert other_size is not None  # noqa: S101
    n = max(1, math.ceil(size / other_size - _SAME))
    return 2 * n if n == 2 else n  # noqa: PLR2004 - of 2 x 2 points two classes have half too often


def read_on_grid(other: ExportScene, header: Header, window: Window) -> dict[str, UInt[np.ndarray, "y x"]]:
    """Return class, score and margin of ``other`` in the pixels of ``window`` on the grid of ``header``.

    Scores and margins are those at a pixel's centre. Where ``other`` has nothing there is its no data.

    Raises:
        StoreError: the store of ``other`` is damaged.
        RasterError: one of the two states no CRS and the other does.
    """
    n = points_along(header, other.header)
    found = {"class": np.full(window.shape, other.nodata, other.header.dtype)}
    found |= {name: np.full(window.shape, _NO_SCORE, np.uint8) for name in _SCORES}
    for piece in _pieces(window, n):
        part = piece.slices_in(window)
        points = places(header, other.header, piece, n=n)
        ids = _looked_up(other.read_classes, points, np.dtype(other.header.dtype))
        found["class"][part] = _most(ids, n, nodata=other.nodata)
        centres = points if n == 1 else places(header, other.header, piece, n=1)
        for name in _SCORES:
            found[name][part] = _looked_up(partial(other.read_scores, name=name), centres, np.dtype(np.uint8))
    return found


def places(header: Header, other: Header, window: Window, *, n: int) -> Places:
    """Return where on the grid of ``other`` the n x n points of each of a window's pixels are.

    Raises:
        RasterError: one of the two states no CRS and the other does.
    """
    if (header.crs_wkt is None) != (other.crs_wkt is None):
        raise RasterError(
            "one of the two scenes states no CRS, so that nobody knows where it lies in the other"
        )
    rows = window.row_off + (np.arange(window.height * n)[:, None] + 0.5) / n
    cols = window.col_off + (np.arange(window.width * n)[None, :] + 0.5) / n
    x, y = to_crs(header.transform, rows=rows, cols=cols)
    x, y = np.broadcast_arrays(x + 0.0 * y, y + 0.0 * x)
    if header.crs_wkt != other.crs_wkt:
        there = moved(np.stack([x, y], axis=-1).reshape(-1, 2), header.crs_wkt, other.crs_wkt)
        x, y = np.moveaxis(there.reshape(*x.shape, 2), -1, 0)
    with np.errstate(invalid="ignore"):
        at = to_pixels(other.transform, x=x, y=y)
    return _floored(at[0], other.height), _floored(at[1], other.width)


def _floored(position: Float64[np.ndarray, "ny nx"], length: int) -> Int64[np.ndarray, "ny nx"]:
    with np.errstate(invalid="ignore"):
        pixel = np.floor(np.round(position, _ROUNDED))
        inside = (pixel >= 0) & (pixel < length)
    return np.where(inside, pixel, -1).astype(np.int64)


def _pieces(window: Window, n: int) -> Iterator[Window]:
    """Cut a window into pieces of so many points that memory stays flat at any ground size."""
    side_px = max(1, math.isqrt(_AT_ONCE_POINTS) // n)
    return chunks_of(window, chunk_px=side_px)


def _looked_up(
    read: Callable[[Window], UInt[np.ndarray, "h w"]], points: Places, dtype: np.dtype[Any]
) -> UInt[np.ndarray, "ny nx"]:
    """Return what is read at rows and columns: no data, the greatest number, outside of the scene."""
    rows, cols = points
    inside = (rows >= 0) & (cols >= 0)
    found = np.full(rows.shape, np.iinfo(dtype).max, dtype)
    if inside.any():
        top, left = int(rows[inside].min()), int(cols[inside].min())
        height, width = int(rows[inside].max()) - top + 1, int(cols[inside].max()) - left + 1
        values = read(Window(top, left, height, width))
        found[inside] = values[rows[inside] - top, cols[inside] - left]
    return found


def _most(ids: UInt[np.ndarray, "ny nx"], n: int, *, nodata: int) -> UInt[np.ndarray, "y x"]:
    """Return of each n x n points the class that most have, where half of them or more are valid."""
    if n == 1:
        return ids
    height, width = ids.shape[0] // n, ids.shape[1] // n
    together = ids.reshape(height, n, width, n).swapaxes(1, 2).reshape(height, width, n * n)
    order = np.argsort(together, axis=2, kind="stable")
    points = np.take_along_axis(together, order, axis=2)
    # runs of equal ids: how long the one is that ends at each point, and which of its points comes first
    begins = np.concatenate([np.ones((height, width, 1), bool), np.diff(points, axis=2) != 0], axis=2)
    start = np.maximum.accumulate(np.where(begins, np.arange(n * n), 0), axis=2)
    first = np.take_along_axis(order, start, axis=2)
    long = np.where(points == nodata, -1, (np.arange(n * n) - start + 1) * n * n - first)
    most = np.take_along_axis(points, long.argmax(axis=2)[..., None], axis=2)[..., 0]
    valid = (points != nodata).sum(axis=2) * 2 >= n * n
    return np.where(valid, most, np.asarray(nodata, ids.dtype))
