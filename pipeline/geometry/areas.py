"""Ground area of pixels on the CRS's ellipsoid.

The geodesic area (C. F. F. Karney, Algorithms for geodesics, J. Geodesy 87, 2013) of the cells of a coarse
grid is distributed over their pixels. The grid is anchored at the scene's origin and chosen by the scene
alone, so a pixel's area does not depend on the window it is read in.

Why a coarse grid will do: neighbouring cells have their borders' points in common, so a sum over cells errs
by the chords of the outline only. Within a cell of L metres the area of equal pixels varies by up to
2 * tan(latitude) * L / R (Web Mercator; far less in UTM), 1e-3 at 60 degrees where L is ``CELL_M``. That
is nearly a slope, and the areas of the cell's four quarters tell it. What is left is of the second order,
(L / R)**2, some 1e-7 of a pixel, and nothing of the cell's sum.

Where a cell is not all on earth, each of its pixels is measured by its own corners, and so are pixels that are
themselves as long as many cells.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from pipeline.geometry.ground import Ground
from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window

CELL_M = 2000.0
"""Cells are no longer than this on the ground, as far as ``_CELLS_PX`` allows."""

_CELLS_PX = tuple(1 << power for power in range(16, 3, -1))
# No finer than 16: a window of pixels of a kilometre would take too long. And not much less than CELL_M where
# pixels are fine: the area of a geodesic polygon is exact to some 1e-4 m2.
_COARSE_M = 10 * CELL_M
"""Cells of the fewest pixels that would be longer than this are not made."""


def pixel_areas_m2(header: Header, window: Window) -> Float64[np.ndarray, "y x"] | None:
    """Return the ground area in m2 of each pixel of ``window``, which lies inside the scene.

    None where the scene states no CRS or no transform, or a CRS without a place on earth or that PROJ cannot
    transform. NaN where a pixel has none: the corners of a picture of the whole disc of the earth.
    """
    ground = Ground.of(header)
    if ground is None:
        return None
    return _areas_m2(ground, header, window, side_px=_cell_px(ground.pixel_m()))


def has_areas(header: Header) -> bool:
    """Tell whether the pixels of a scene have areas at all, see ``pixel_areas_m2``."""
    return Ground.of(header) is not None


def ring_areas_m2(
    header: Header, vertices: Float64[np.ndarray, "n 2"], lengths: Int64[np.ndarray, " r"]
) -> Float64[np.ndarray, " r"] | None:
    """Return the geodesic areas of rings, by the rows and columns of their vertices, of which each has so many.

    Long sides are drawn by chords. None where pixels have no area, NaN where a vertex has no place on earth.
    """
    ground = Ground.of(header)
    if ground is None:
        return None
    chord_px = max(1.0, CELL_M / ground.pixel_m())
    ends = np.cumsum(lengths)
    after = np.arange(1, len(vertices) + 1)
    after[ends - 1] = ends - lengths
    steps = vertices[after] - vertices
    chords = np.maximum(1, np.ceil(np.abs(steps).max(axis=1) / chord_px)).astype(np.int64)
    edge = np.repeat(np.arange(len(vertices)), chords)
    along = (np.arange(len(edge)) - np.repeat(np.cumsum(chords) - chords, chords)) / chords[edge]
    rows, cols = (vertices[edge] + along[:, None] * steps[edge]).T
    return ground.rings_m2(rows, cols, np.add.reduceat(chords, ends - lengths))


def ground_size_m(header: Header) -> float | None:
    """Return the side of a square as large as the scene's middle pixel on the ground, in m.

    Without a place on earth it is what the file says of its pixels' size, else None.
    """
    areas = pixel_areas_m2(header, Window(header.height // 2, header.width // 2, 1, 1))
    if areas is None:
        return None if header.pixel_m is None else math.sqrt(math.prod(header.pixel_m))
    return None if math.isnan(areas[0, 0]) else math.sqrt(areas[0, 0])


def _cell_px(pixel_m: float) -> int:
    """Return the side of the scene's cells, by the longer side of the pixel in its middle; 1 is no cells."""
    fitting = next((px for px in _CELLS_PX if px * pixel_m <= CELL_M), _CELLS_PX[-1])
    return 1 if fitting * pixel_m > _COARSE_M else fitting


def _areas_m2(ground: Ground, header: Header, window: Window, *, side_px: int) -> Float64[np.ndarray, "y x"]:
    """Distribute cells of ``side_px``; those that are not all on earth again as smaller ones, down to pixels."""
    if side_px == 1:
        return ground.pixels_m2(window)
    rows = _Strips.of(window.row_off, window.row_end, extent=header.height, side_px=side_px)
    cols = _Strips.of(window.col_off, window.col_end, extent=header.width, side_px=side_px)
    quarters, on_earth = ground.rectangles_m2(rows.halves, cols.halves)
    areas = _distribute(quarters, rows, cols)
    whole = on_earth.reshape(len(rows.halves) // 2, 2, len(cols.halves) // 2, 2).mean(axis=(1, 3))
    finer = 1 if side_px == _CELLS_PX[-1] else _CELLS_PX[-1]
    for row, col in np.argwhere((whole > 0) & (whole < 1)):
        part = Window(
            int(rows.halves[2 * row]),
            int(cols.halves[2 * col]),
            int(rows.halves[2 * row + 2] - rows.halves[2 * row]),
            int(cols.halves[2 * col + 2] - cols.halves[2 * col]),
        ).intersection(window)
        if part is not None:
            areas[part.slices_in(window)] = _areas_m2(ground, header, part, side_px=finer)
    return areas


class _Strips(NamedTuple):
    """The rows (or columns) of cells that a window has a part of, and its pixels' offsets in them."""

    halves: Int64[np.ndarray, "n_2_plus_1"]
    """Where the strips' halves begin, and the end, in pixels of the scene."""
    cell: Int64[np.ndarray, "length"]
    """The strip of each of the window's pixels."""
    offset: Float64[np.ndarray, "length"]
    """How far each pixel's centre is behind the middle of its strip, in pixels."""

    @classmethod
    def of(cls, start: int, end: int, *, extent: int, side_px: int) -> _Strips:
        first = start // side_px
        edges = np.minimum(np.arange(first, -(-end // side_px) + 1) * side_px, extent)
        halves = np.append(np.stack([edges[:-1], (edges[:-1] + edges[1:]) // 2], axis=1), edges[-1])
        pixels = np.arange(start, end)
        cell = pixels // side_px - first
        return cls(halves, cell, pixels + 0.5 - (edges[cell] + edges[cell + 1]) / 2)

    def sizes(self) -> Float64[np.ndarray, "n 2"]:
        """Return how many pixels the two halves of each strip have; the first has none in a strip of one."""
        return np.diff(self.halves).reshape(-1, 2).astype(np.float64)


def _distribute(
    quarters_m2: Float64[np.ndarray, "two_rows two_cols"], rows: _Strips, cols: _Strips
) -> Float64[np.ndarray, "y x"]:
    """Give each pixel its part of its cell: a plane over the cell, with the cell's sum and slopes."""
    parts = quarters_m2.reshape(len(rows.halves) // 2, 2, len(cols.halves) // 2, 2)
    heights, widths = rows.sizes(), cols.sizes()
    mean = parts.sum(axis=(1, 3)) / np.outer(heights.sum(axis=1), widths.sum(axis=1))
    down = _slopes(parts.sum(axis=3).transpose(2, 0, 1), heights).T / widths.sum(axis=1)
    right = _slopes(parts.sum(axis=1), widths) / heights.sum(axis=1)[:, None]
    areas = np.empty((len(rows.cell), len(cols.cell)))
    for strip in np.unique(rows.cell):
        here = rows.cell == strip
        level = mean[strip, cols.cell] + right[strip, cols.cell] * cols.offset
        areas[here] = level + np.multiply.outer(rows.offset[here], down[strip, cols.cell])
    return areas


def _slopes(
    halves_m2: Float64[np.ndarray, "across n 2"], sizes: Float64[np.ndarray, "n 2"]
) -> Float64[np.ndarray, "across n"]:
    """Return how a strip's area a pixel's length grows from pixel to pixel, by its two halves.

    The halves' middles are half a strip apart. A strip of one pixel has no slope.
    """
    means = np.divide(halves_m2, sizes, out=np.zeros_like(halves_m2), where=sizes > 0)
    slopes = (means[..., 1] - means[..., 0]) * 2 / sizes.sum(axis=1)
    return np.where(sizes[:, 0] > 0, slopes, 0.0)
