"""Ground area of pixels on the CRS's ellipsoid.

The geodesic area (C. F. F. Karney, Algorithms for geodesics, J. Geodesy 87, 2013) of the cells of a coarse
grid is shared out among their pixels in equal parts. The grid is anchored at the scene's origin and chosen
by the scene alone, so a pixel's area does not depend on the window it is read in.

What this costs in accuracy, at latitude phi on a radius R: neighbouring cells share their borders' points,
so a sum over whole cells only errs by the chords of its outline. Within a cell of L metres the area of
equal squares of a map varies by at most 2 * tan(phi) * L / R (Web Mercator; a tenth of that or less in
UTM), by half of it from the mean: 1e-4 for a pixel at 60 degrees where L is CELL_M, and nothing in the sum.
"""

from __future__ import annotations

import numpy as np
import pyproj
from jaxtyping import Float64

from pipeline.scene import Header
from pipeline.window import Window

CELL_M = 400.0
"""Cells are no longer than this on the ground, as far as ``_CELL_PX`` allows."""

_CELL_PX = (64, 32, 16, 8)  # the finest keeps a window of 2048 px below a second
_CHORDS = 8  # a side of a cell is drawn by so many geodesics


def pixel_areas_m2(header: Header, window: Window) -> Float64[np.ndarray, "y x"] | None:
    """Return the ground area in m2 of each pixel of ``window``, which lies inside the scene.

    None where the scene states no CRS, or one without a place on earth. NaN where a pixel has none: the
    corners of a picture of the whole disc of the earth.
    """
    ground = _Ground.of(header)
    if ground is None:
        return None
    side = ground.cell_px(header)
    rows, cols = (
        np.arange(start // side, -(-end // side))
        for start, end in ((window.row_off, window.row_end), (window.col_off, window.col_end))
    )
    shares: Float64[np.ndarray, "rows cols"] = ground.cell_areas_m2(header, rows * side, cols * side, side)
    shares /= np.outer(
        np.minimum(side, header.height - rows * side), np.minimum(side, header.width - cols * side)
    )
    row_cells = np.arange(window.row_off, window.row_end) // side - rows[0]
    col_cells = np.arange(window.col_off, window.col_end) // side - cols[0]
    return shares[np.ix_(row_cells, col_cells)]


class _Ground:
    """A CRS seen from its ellipsoid."""

    def __init__(self, crs: pyproj.CRS, geodetic: pyproj.CRS, geod: pyproj.Geod) -> None:
        self._to_angles = pyproj.Transformer.from_crs(crs, geodetic, always_xy=True)
        self._degrees = float(np.degrees(geodetic.axis_info[0].unit_conversion_factor))
        self._geod = geod

    @classmethod
    def of(cls, header: Header) -> _Ground | None:
        if header.crs_wkt is None:
            return None
        crs = pyproj.CRS.from_wkt(header.crs_wkt)
        if crs.is_bound and crs.source_crs is not None:
            crs = crs.source_crs  # the ellipsoid meant is the CRS's own, not the one it is bound to
        crs = crs.to_2d()
        geodetic, geod = crs.geodetic_crs, crs.get_geod()
        return None if geodetic is None or geod is None else cls(crs, geodetic.to_2d(), geod)

    def cell_px(self, header: Header) -> int:
        """Return the side of the scene's cells, from the size of the pixel in its middle."""
        row, col = header.height / 2, header.width / 2
        lon, lat = self._lonlat(header, np.array([row, row + 1, row]), np.array([col, col, col + 1]))
        _, _, sides_m = self._geod.inv(lon[[0, 0]], lat[[0, 0]], lon[1:], lat[1:])
        longest_m = float(np.max(sides_m))
        return next((px for px in _CELL_PX if px * longest_m <= CELL_M), _CELL_PX[-1])

    def cell_areas_m2(
        self, header: Header, rows: np.ndarray, cols: np.ndarray, side_px: int
    ) -> Float64[np.ndarray, "rows cols"]:
        """Return the areas of the cells that begin at each of ``rows`` and ``cols``, clipped to the scene."""
        along = np.arange(_CHORDS) * (side_px // _CHORDS)
        far, near = np.full(_CHORDS, side_px), np.zeros(_CHORDS, int)
        down = np.concatenate(
            [near, along, far, side_px - along]
        )  # round the cell from its upper left corner
        right = np.concatenate([along, far, side_px - along, near])
        corners = np.broadcast_arrays(
            np.minimum(rows[:, None, None] + down, header.height),
            np.minimum(cols[None, :, None] + right, header.width),
        )
        lon, lat = self._lonlat(header, *corners)
        area_m2 = self._geod.polygon_area_perimeter
        cells = zip(lon.reshape(-1, down.size), lat.reshape(-1, down.size), strict=True)
        areas_m2 = [abs(area_m2(*cell)[0]) if np.isfinite(cell[0]).all() else np.nan for cell in cells]
        return np.array(areas_m2, np.float64).reshape(len(rows), len(cols))

    def _lonlat(self, header: Header, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return longitude and latitude in degrees of corners of pixels; infinite off the earth."""
        a, b, c, d, e, f = header.transform
        lon, lat = self._to_angles.transform(a * cols + b * rows + c, d * cols + e * rows + f)
        return lon * self._degrees, lat * self._degrees
