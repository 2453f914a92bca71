"""Ground area of pixels on the CRS's ellipsoid.

The geodesic area (C. F. F. Karney, Algorithms for geodesics, J. Geodesy 87, 2013) of the cells of a coarse
grid is shared out among their pixels. The grid is anchored at the scene's origin and chosen by the scene
alone, so a pixel's area does not depend on the window it is read in.

Why a coarse grid will do: neighbouring cells have their borders' points in common, so a sum over cells errs
by the chords of the outline only. Within a cell of L metres the area of equal pixels varies by up to
2 * tan(latitude) * L / R (Web Mercator; far less in UTM), 1e-3 at 60 degrees where L is ``CELL_M``. That
is nearly a slope, and the areas of the cell's four quarters tell it. What is left is of the second order,
(L / R)**2, some 1e-7 of a pixel, and nothing of the cell's sum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyproj
from jaxtyping import Float64, Int64

from pipeline.scene import Header
from pipeline.window import Window

CELL_M = 2000.0
"""Cells are no longer than this on the ground, as far as ``_CELLS_PX`` allows."""

_CELLS_PX = tuple(1 << power for power in range(16, 3, -1))
# No finer than 16: a window of pixels of a kilometre would take too long. And not much less than CELL_M where
# pixels are fine: the area of a geodesic polygon is exact to some 1e-4 m2.
_CHORDS = 8  # a side of a quarter is drawn by so many geodesics


def pixel_areas_m2(header: Header, window: Window) -> Float64[np.ndarray, "y x"] | None:
    """Return the ground area in m2 of each pixel of ``window``, which lies inside the scene.

    None where the scene states no CRS, or one without a place on earth. NaN where a pixel has none: the
    corners of a picture of the whole disc of the earth.
    """
    ground = _Ground.of(header)
    if ground is None:
        return None
    side_px = ground.cell_px()
    rows = _Strips.of(window.row_off, window.row_end, extent=header.height, side_px=side_px)
    cols = _Strips.of(window.col_off, window.col_end, extent=header.width, side_px=side_px)
    return _share_out(ground.areas_m2(rows.halves, cols.halves), rows, cols)


class _Strips(NamedTuple):
    """The rows (or columns) of cells that a window has a part of, and its pixels' places in them."""

    halves: Int64[np.ndarray, "n_2_plus_1"]
    """Where the strips' halves begin, and the end, in pixels of the scene."""
    cell: Int64[np.ndarray, "length"]
    """The strip of each of the window's pixels."""
    place: Float64[np.ndarray, "length"]
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


def _share_out(
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
        level = mean[strip, cols.cell] + right[strip, cols.cell] * cols.place
        areas[here] = level + np.multiply.outer(rows.place[here], down[strip, cols.cell])
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


class _Ground:
    """A scene's pixels on its CRS's ellipsoid."""

    def __init__(self, header: Header, crs: pyproj.CRS, geodetic: pyproj.CRS, geod: pyproj.Geod) -> None:
        self._header = header
        self._to_angles = pyproj.Transformer.from_crs(crs, geodetic, always_xy=True)
        self._degrees = float(np.degrees(geodetic.axis_info[0].unit_conversion_factor))
        self._geod = geod

    @classmethod
    def of(cls, header: Header) -> _Ground | None:
        if header.crs_wkt is None:
            return None
        crs = pyproj.CRS.from_wkt(header.crs_wkt)
        if crs.is_bound and crs.source_crs is not None:
            crs = crs.source_crs  # the ellipsoid meant is the CRS's own, not that of what it is bound to
        crs = crs.to_2d()
        geodetic, geod = crs.geodetic_crs, crs.get_geod()
        return None if geodetic is None or geod is None else cls(header, crs, geodetic.to_2d(), geod)

    def cell_px(self) -> int:
        """Return the side of the scene's cells, from the longer side of the pixel in its middle."""
        row, col = self._header.height / 2, self._header.width / 2
        lon, lat = self._lonlat(np.array([row, row + 1, row]), np.array([col, col, col + 1]))
        _, _, sides_m = self._geod.inv(lon[[0, 0]], lat[[0, 0]], lon[1:], lat[1:])
        return next((px for px in _CELLS_PX if px * max(sides_m) <= CELL_M), _CELLS_PX[-1])

    def areas_m2(
        self, rows: Int64[np.ndarray, "n_plus_1"], cols: Int64[np.ndarray, "m_plus_1"]
    ) -> Float64[np.ndarray, "n m"]:
        """Return the geodesic areas of the rectangles between the edges ``rows`` and ``cols`` (in pixels)."""
        along = np.arange(_CHORDS) / _CHORDS
        far, near = np.ones(_CHORDS), np.zeros(_CHORDS)
        down = np.concatenate([near, along, far, 1 - along])  # round a rectangle from its upper left corner
        right = np.concatenate([along, far, 1 - along, near])
        outlines = np.broadcast_arrays(
            rows[:-1, None, None] + np.diff(rows)[:, None, None] * down,
            cols[None, :-1, None] + np.diff(cols)[None, :, None] * right,
        )
        lon, lat = (angles.reshape(-1, down.size) for angles in self._lonlat(*outlines))
        on_earth = np.isfinite(lon).all(axis=1)
        areas = [
            abs(self._geod.polygon_area_perimeter(lon[i], lat[i])[0]) if on_earth[i] else np.nan
            for i in range(len(lon))
        ]
        return np.array(areas).reshape(len(rows) - 1, len(cols) - 1)

    def _lonlat(self, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return longitude and latitude in degrees of places between pixels; infinite off the earth."""
        a, b, c, d, e, f = self._header.transform
        lon, lat = self._to_angles.transform(a * cols + b * rows + c, d * cols + e * rows + f)
        return lon * self._degrees, lat * self._degrees
