"""The grid of a scene at another ground size, and which of the file's pixels it is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from pipeline.config import Reading
from pipeline.errors import RasterError
from pipeline.geometry.areas import ground_size_m
from pipeline.geometry.scene import Header
from pipeline.geometry.transform import with_pixels
from pipeline.geometry.view import Base
from pipeline.raster.view.overviews import Smaller

_SAME = 0.01  # ground sizes that differ by less are one: no pixel is changed for it


class _Level(NamedTuple):
    """The scene itself (None), or an overview; pixels of the scene that one of its pixels is high and wide."""

    overview: int | None
    height: int
    width: int
    rows: float
    cols: float

    @property
    def factor(self) -> float:
        return math.sqrt(self.rows * self.cols)


def at_ground_size(
    uri: str, header: Header, reading: Reading, *, smaller: Sequence[Smaller]
) -> tuple[Header, Base | None]:
    """Return the header of the grid that is read, and what it is made of: None where that is the file's own.

    Of the scene and its overviews, the ``smaller`` ones, the one of about that ground size is taken as it is, else
    the coarsest that is finer. The grid begins at the scene's upper left corner, so that no window depends on another.

    Raises:
        RasterError: the scene has no place on the ground, and its pixels have no size.
    """
    if reading.gsd_m is None:
        return header, None
    size_m = ground_size_m(header)
    if size_m is None:
        raise RasterError(
            f"{uri} says of no place on the ground, nor how large its pixels are: leave gsd out"
        )
    return scaled_by(reading.gsd_m / size_m, header, smaller=smaller)


def scaled_by(wanted: float, header: Header, *, smaller: Sequence[Smaller]) -> tuple[Header, Base | None]:
    """Return the header of the grid whose pixels are ``wanted`` times as wide, and what it is made of."""
    levels = [_Level(None, header.height, header.width, 1.0, 1.0)]
    levels += [
        _Level(index, height, width, header.height / height, header.width / width)
        for index, height, width in smaller
    ]
    for level in levels:
        if abs(level.factor / wanted - 1) <= _SAME:
            base = Base(
                overview=level.overview, height=level.height, width=level.width, step_rows=1.0, step_cols=1.0
            )
            return (header, None) if level.overview is None else (_scaled(header, level), base)
    level = max(
        (one for one in levels if one.factor <= wanted), default=levels[0], key=lambda one: one.factor
    )
    base = Base(
        overview=level.overview,
        height=level.height,
        width=level.width,
        step_rows=wanted / level.rows,
        step_cols=wanted / level.cols,
    )
    grid = _Level(
        None, _count(level.height, base.step_rows), _count(level.width, base.step_cols), wanted, wanted
    )
    return _scaled(header, grid), base


def upsampling(base: Base | None) -> float:
    """Return how many pixels of a view lie along the side of one that is stored: more than 1 shows no more detail."""
    return 1.0 if base is None else max(1.0, 1 / math.sqrt(base.step_rows * base.step_cols))


def _count(length: int, step: float) -> int:
    """Return how many pixels cover ``length``; a thousandth of one at the end is none."""
    return max(1, math.ceil(length / step - 1e-3))


def _scaled(header: Header, grid: _Level) -> Header:
    scaled = with_pixels(header.transform, rows=grid.rows, cols=grid.cols)
    pixel_m = header.pixel_m and (header.pixel_m[0] * grid.rows, header.pixel_m[1] * grid.cols)
    return replace(header, height=grid.height, width=grid.width, transform=scaled, pixel_m=pixel_m)
