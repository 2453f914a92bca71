"""A scene's pixels on its CRS's ellipsoid: where they are, whether they are anywhere, and how large.

What a projection's inverse gives for a place beyond its outline may be a place on earth all the same, that of another
point of the map: so a place counts only where it leads back to where it came from. Maps by cylindrical projections may
go on beyond 180 degrees. Latitudes end at 90 degrees: of a pixel that reaches beyond it the part on earth counts.
"""

from __future__ import annotations

import numpy as np
import pyproj
from jaxtyping import Float64, Int64
from pyproj.enums import TransformDirection
from pyproj.exceptions import ProjError

from pipeline.scene import Header
from pipeline.window import Window

_POLE_DEG = 90.0
_ROUNDED_DEG = 1e-9  # a latitude so far beyond the pole is the pole
_CHORDS = 8  # a side of a rectangle is drawn by so many geodesics
_WIDE_DEG = 90.0  # no small pixel has corners so far apart in longitude, but at a pole
_ROUND_TRIP = 1e-6  # of a coordinate: what projection and inverse may lose
_WGS84 = "OGC:CRS84"
_UNPLACED = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
"""The transform of a raster that has none."""


class Ground:
    """A scene's pixels on its CRS's ellipsoid."""

    def __init__(self, header: Header, crs: pyproj.CRS, geodetic: pyproj.CRS, geod: pyproj.Geod) -> None:
        self._header = header
        self._degrees = float(np.degrees(geodetic.axis_info[0].unit_conversion_factor))
        self._geod = geod
        self._angular = crs.is_geographic and not crs.is_derived
        self._cylindrical = _is_cylindrical(crs)
        self._to_angles = pyproj.Transformer.from_crs(crs, geodetic, always_xy=True)
        self._geodetic = geodetic

    @classmethod
    def of(cls, header: Header) -> Ground | None:
        """Return the ground of a scene; None where its CRS is none on earth, or none that PROJ can transform."""
        if header.crs_wkt is None or header.transform == _UNPLACED:
            return None
        try:
            crs = pyproj.CRS.from_wkt(header.crs_wkt)
            if crs.is_bound and crs.source_crs is not None:
                crs = crs.source_crs  # the ellipsoid meant is the CRS's own, not that of what it is bound to
            crs = crs.to_2d()
            geodetic, geod = crs.geodetic_crs, crs.get_geod()
            if geodetic is None or geod is None or crs.is_geocentric:
                return None
            return cls(header, crs, geodetic.to_2d(), geod)
        except ProjError:
            return None

    def pixel_m(self) -> float:
        """Return the longer side of the pixel in the scene's middle; not a number where it has no place."""
        row, col = self._header.height / 2, self._header.width / 2
        lon, lat = self._lonlat(np.array([row, row + 1, row]), np.array([col, col, col + 1]))
        _, _, sides_m = self._geod.inv(lon[[0, 0]], lat[[0, 0]], lon[1:], lat[1:])
        return float(max(sides_m))

    def wgs84(
        self, rows: Float64[np.ndarray, "*any"], cols: Float64[np.ndarray, "*any"]
    ) -> tuple[Float64[np.ndarray, "*any"], Float64[np.ndarray, "*any"]]:
        """Return longitude and latitude in WGS 84 of places between pixels; nothing finite off the earth."""
        lon, lat = self._lonlat(rows, cols)
        clipped = lat.clip(-_POLE_DEG, _POLE_DEG)
        try:
            to_wgs84 = pyproj.Transformer.from_crs(self._geodetic, _WGS84, always_xy=True)
        except ProjError:  # of another celestial body
            return np.full_like(lon, np.nan), np.full_like(lat, np.nan)
        found: tuple[np.ndarray, np.ndarray] = to_wgs84.transform(
            lon / self._degrees, clipped / self._degrees
        )
        return found

    def poles_inside(self) -> list[float]:
        """Return the latitudes of the poles that the scene of a projected CRS holds."""
        if self._angular:
            return []
        a, b, c, d, e, f = self._header.transform
        poles = np.array([-_POLE_DEG, _POLE_DEG])
        x, y = self._to_angles.transform(
            0 * poles, poles / self._degrees, direction=TransformDirection.INVERSE
        )
        col = (e * (x - c) - b * (y - f)) / (a * e - b * d)
        row = (a * (y - f) - d * (x - c)) / (a * e - b * d)
        with np.errstate(invalid="ignore"):
            inside = (col >= 0) & (col <= self._header.width) & (row >= 0) & (row <= self._header.height)
        return [float(pole) for pole in poles[inside]]

    def rectangles_m2(
        self, rows: Int64[np.ndarray, "n_plus_1"], cols: Int64[np.ndarray, "m_plus_1"]
    ) -> tuple[Float64[np.ndarray, "n m"], Float64[np.ndarray, "n m"]]:
        """Return the geodesic areas of the rectangles between the edges ``rows`` and ``cols`` (in pixels).

        They are not a number where the outline is not all on earth; also returns how much of it is.
        """
        along = np.arange(_CHORDS) / _CHORDS
        far, near = np.ones(_CHORDS), np.zeros(_CHORDS)
        down = np.concatenate([near, along, far, 1 - along])  # round a rectangle from its upper left corner
        right = np.concatenate([along, far, 1 - along, near])
        outlines = np.broadcast_arrays(
            rows[:-1, None, None] + np.diff(rows)[:, None, None] * down,
            cols[None, :-1, None] + np.diff(cols)[None, :, None] * right,
        )
        lon, lat = (angles.reshape(-1, down.size) for angles in self._lonlat(*outlines))
        share = (np.abs(lat) <= _POLE_DEG + _ROUNDED_DEG).mean(axis=1)
        clipped = lat.clip(-_POLE_DEG, _POLE_DEG)
        areas = [
            abs(self._geod.polygon_area_perimeter(lon[i], clipped[i])[0]) if share[i] == 1 else np.nan
            for i in range(len(lon))
        ]
        shape = (len(rows) - 1, len(cols) - 1)
        return np.array(areas).reshape(shape), share.reshape(shape)

    def pixels_m2(self, window: Window) -> Float64[np.ndarray, "y x"]:
        """Return the area of each pixel by its own four corners; not a number where it has no place on earth."""
        lon, lat = self._lonlat(
            *np.broadcast_arrays(
                np.arange(window.row_off, window.row_end + 1.0)[:, None],
                np.arange(window.col_off, window.col_end + 1.0)[None, :],
            )
        )
        beyond, clipped = np.abs(_corners(lat)).min(axis=0) >= _POLE_DEG, lat.clip(-_POLE_DEG, _POLE_DEG)
        areas, angles = self._quadrangles_m2(lon, clipped), (_corners(lon), _corners(clipped))
        for pixel in zip(*np.nonzero(self._at_pole(*angles)), strict=True):
            areas[pixel] = abs(self._geod.polygon_area_perimeter(*(each[:, *pixel] for each in angles))[0])
        areas[beyond] = np.nan
        return areas

    def _quadrangles_m2(
        self, lon: Float64[np.ndarray, "h_1 w_1"], lat: Float64[np.ndarray, "h_1 w_1"]
    ) -> Float64[np.ndarray, "h w"]:
        """Return areas between neighbouring places, on a cylindrical map of equal areas; meridians are exact."""
        east = np.radians(_turned(_corners(lon) - lon[:-1, :-1]))
        authalic = _corners(self._authalic(np.radians(lat)))
        north = authalic - authalic[0]
        twice = sum(east[i] * north[i - 3] - east[i - 3] * north[i] for i in range(4))
        areas: Float64[np.ndarray, "h w"] = np.abs(twice) * self._geod.a**2 / 4
        return areas

    def _authalic(self, lat: Float64[np.ndarray, "y x"]) -> Float64[np.ndarray, "y x"]:
        """Return q, by which the ellipsoid's area grows; Snyder, Map Projections (1987), 3-12."""
        es, sine = float(self._geod.es), np.sin(lat)
        if not es:
            return 2 * sine
        first = es**0.5
        zone: Float64[np.ndarray, "y x"] = (1 - es) * (
            sine / (1 - es * sine**2) + np.arctanh(first * sine) / first
        )
        return zone

    def _at_pole(self, lon: Float64[np.ndarray, "4 h w"], lat: Float64[np.ndarray, "4 h w"]) -> np.ndarray:
        """Tell which pixels hold a pole, where a longitude says little."""
        if self._angular:
            return np.zeros(lon.shape[1:], np.bool_)
        return (np.abs(lat).max(axis=0) > _POLE_DEG - _ROUNDED_DEG) | (
            np.abs(_turned(lon - lon[0])).max(axis=0) > _WIDE_DEG
        )

    def _lonlat(self, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return longitude and latitude in degrees of places between pixels; not a number off the earth."""
        a, b, c, d, e, f = self._header.transform
        x, y = a * cols + b * rows + c, d * cols + e * rows + f
        if self._angular:
            return x * self._degrees, y * self._degrees
        lon, lat = self._to_angles.transform(x, y)
        there = np.isfinite(lon) & np.isfinite(lat)
        if not self._cylindrical:
            there &= self._leads_back(lon, lat, x, y)
        return np.where(there, lon * self._degrees, np.nan), np.where(there, lat * self._degrees, np.nan)

    def _leads_back(self, lon: np.ndarray, lat: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        back_x, back_y = self._to_angles.transform(lon, lat, direction=TransformDirection.INVERSE)
        a, b, _, d, e, _ = self._header.transform
        allowed = min(np.hypot(a, d), np.hypot(b, e)) / 2 + _ROUND_TRIP * np.maximum(np.abs(x), np.abs(y))
        with np.errstate(invalid="ignore"):  # infinite both there and back
            back: np.ndarray = np.hypot(back_x - x, back_y - y) <= allowed
        return back


def _is_cylindrical(crs: pyproj.CRS) -> bool:
    """Tell whether a map goes on beyond its edge at 180 degrees as it began."""
    operation = crs.coordinate_operation
    name = "" if operation is None else operation.method_name.lower()
    return name.startswith(("mercator", "popular visualisation", "web mercator", "plate")) or (
        "cylindrical" in name and "transverse" not in name and "oblique" not in name
    )


def _corners(values: Float64[np.ndarray, "h_1 w_1"]) -> Float64[np.ndarray, "4 h w"]:
    """Return what is at the four corners of each pixel, in their order round it."""
    return np.stack([values[:-1, :-1], values[:-1, 1:], values[1:, 1:], values[1:, :-1]])


def _turned(degrees: Float64[np.ndarray, "*any"]) -> Float64[np.ndarray, "*any"]:
    """Return angles between -180 and 180 degrees."""
    return (degrees + 180.0) % 360.0 - 180.0
