"""A scene's pixels on its CRS's ellipsoid: where they are, whether they are anywhere, and how large.

What a projection's inverse gives for a place beyond its outline may be a place on earth all the same, that of another
point of the map: so a place counts only where it leads back to where it came from. Maps by cylindrical projections may
go on beyond 180 degrees. Latitudes end at 90 degrees: of a pixel that reaches beyond it the part on earth counts.
"""

from __future__ import annotations

import itertools

import numpy as np
import pyproj
from jaxtyping import Bool, Float64, Int64
from pyproj.enums import TransformDirection
from pyproj.exceptions import ProjError

from pipeline.geometry.scene import Header
from pipeline.geometry.transform import UNPLACED, pixel_size, to_crs, to_pixels
from pipeline.geometry.window import Window

_POLE_DEG = 90.0
_ROUNDED_DEG = 1e-9  # a latitude so far beyond the pole is the pole
_CHORDS = 8  # a side of a rectangle is drawn by so many lines
_LONG_M = 20_000.0  # a side of a pixel that is longer is, too
_STRIP_POINTS = 1 << 20  # pixels are measured some rows at a time, for the sake of memory
_WIDE_DEG = 90.0  # no small pixel has corners so far apart in longitude, but at a pole
_ROUND_TRIP = 1e-6  # of a coordinate: what projection and inverse may lose
_WGS84 = "OGC:CRS84"


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
        if header.crs_wkt is None or header.transform == UNPLACED:
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
        if self._angular and np.abs(lat).max() > _POLE_DEG:  # as long as on the equator
            return float(np.radians(max(pixel_size(self._header.transform)) * self._degrees) * self._geod.a)
        _, _, sides_m = self._geod.inv(lon[[0, 0]], lat[[0, 0]], lon[1:], lat[1:])
        return float(max(sides_m))

    def wgs84(
        self, rows: Float64[np.ndarray, "*any"], cols: Float64[np.ndarray, "*any"]
    ) -> tuple[Float64[np.ndarray, "*any"], Float64[np.ndarray, "*any"]]:
        """Return longitude and latitude in WGS 84 of points between pixels; nothing finite off the earth."""
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
        poles = np.array([-_POLE_DEG, _POLE_DEG])
        x, y = self._to_angles.transform(
            0 * poles, poles / self._degrees, direction=TransformDirection.INVERSE
        )
        row, col = to_pixels(self._header.transform, x=x, y=y)
        with np.errstate(invalid="ignore"):
            inside = (col >= 0) & (col <= self._header.width) & (row >= 0) & (row <= self._header.height)
        return [float(pole) for pole in poles[inside]]

    def rectangles_m2(
        self, rows: Int64[np.ndarray, "n_plus_1"], cols: Int64[np.ndarray, "m_plus_1"]
    ) -> tuple[Float64[np.ndarray, "n m"], Float64[np.ndarray, "n m"]]:
        """Return the geodesic areas of the rectangles between the edges ``rows`` and ``cols`` (in pixels).

        They are not a number where the outline is not all on earth; also returns how much of it is.
        """
        lon, lat = self._outlines(rows, cols, chords=_CHORDS)
        fraction = (np.abs(lat) <= _POLE_DEG + _ROUNDED_DEG).mean(axis=2)
        areas = self._geodesic_m2(lon, lat.clip(-_POLE_DEG, _POLE_DEG), fraction == 1)
        return areas, fraction

    def pixels_m2(self, window: Window) -> Float64[np.ndarray, "y x"]:
        """Return the area of each pixel by its own outline; not a number where a corner has no place on earth."""
        chords = _CHORDS if self.pixel_m() > _LONG_M and not self._angular else 1
        strip_rows = max(1, _STRIP_POINTS // (4 * chords * window.width))
        cols = np.arange(window.col_off, window.col_end + 1)
        edges = [*range(window.row_off, window.row_end, strip_rows), window.row_end]
        strips = [
            self._strip_m2(np.arange(first, end + 1), cols, chords=chords)
            for first, end in itertools.pairwise(edges)
        ]
        return np.concatenate(strips)

    def rings_m2(
        self,
        rows: Float64[np.ndarray, " n"],
        cols: Float64[np.ndarray, " n"],
        lengths: Int64[np.ndarray, " r"],
    ) -> Float64[np.ndarray, " r"]:
        """Return the geodesic areas of rings one after another, by their vertices, of which each has so many."""
        lon, beyond = self._lonlat(rows, cols)
        lat = beyond.clip(-_POLE_DEG, _POLE_DEG)
        ends = np.cumsum(lengths)
        areas = [
            self._geod.polygon_area_perimeter(lon[start:end], lat[start:end])[0]
            for start, end in zip(ends - lengths, ends, strict=True)
        ]
        return np.abs(np.array(areas, np.float64))

    def _strip_m2(
        self, rows: Int64[np.ndarray, "h_plus_1"], cols: Int64[np.ndarray, "w_plus_1"], *, chords: int
    ) -> Float64[np.ndarray, "h w"]:
        lon, beyond = self._outlines(rows, cols, chords=chords)
        lat = beyond.clip(-_POLE_DEG, _POLE_DEG)
        areas = self._equal_area_m2(lon, lat)
        if not self._angular:
            at_pole = (np.abs(lat).max(axis=2) > _POLE_DEG - _ROUNDED_DEG) | (
                np.abs(_turned(lon - lon[..., :1])).max(axis=2) > _WIDE_DEG
            )
            areas = np.where(at_pole, self._geodesic_m2(lon, lat, at_pole), areas)
        areas[np.abs(beyond).min(axis=2) >= _POLE_DEG] = np.nan
        return areas

    def _outlines(
        self, rows: Int64[np.ndarray, "n_plus_1"], cols: Int64[np.ndarray, "m_plus_1"], *, chords: int
    ) -> tuple[Float64[np.ndarray, "n m outline"], Float64[np.ndarray, "n m outline"]]:
        """Return where the outlines of rectangles lie, from the upper left corner on, so many chords a side."""
        along = np.arange(chords) / chords
        far, near = np.ones(chords), np.zeros(chords)
        down = np.concatenate([near, along, far, 1 - along])
        right = np.concatenate([along, far, 1 - along, near])
        outlines = np.broadcast_arrays(
            rows[:-1, None, None] + np.diff(rows)[:, None, None] * down,
            cols[None, :-1, None] + np.diff(cols)[None, :, None] * right,
        )
        return self._lonlat(*outlines)

    def _geodesic_m2(
        self,
        lon: Float64[np.ndarray, "n m outline"],
        lat: Float64[np.ndarray, "n m outline"],
        wanted: Bool[np.ndarray, "n m"],
    ) -> Float64[np.ndarray, "n m"]:
        """Return the areas of the ``wanted`` polygons of geodesics, one by one."""
        areas = np.full(wanted.shape, np.nan)
        for each in zip(*np.nonzero(wanted), strict=True):
            areas[each] = abs(self._geod.polygon_area_perimeter(lon[each], lat[each])[0])
        return areas

    def _equal_area_m2(
        self, lon: Float64[np.ndarray, "n m outline"], lat: Float64[np.ndarray, "n m outline"]
    ) -> Float64[np.ndarray, "n m"]:
        """Return the areas of polygons on a cylindrical map of equal areas: meridians and parallels are exact."""
        authalic = self._authalic(np.radians(lat))
        east, north = np.radians(_turned(lon - lon[..., :1])), authalic - authalic[..., :1]
        twice = (east * np.roll(north, -1, axis=2) - np.roll(east, -1, axis=2) * north).sum(axis=2)
        areas: Float64[np.ndarray, "n m"] = np.abs(twice) * self._geod.a**2 / 4
        return areas

    def _authalic(self, lat: Float64[np.ndarray, "n m outline"]) -> Float64[np.ndarray, "n m outline"]:
        """Return q, by which the ellipsoid's area grows; Snyder, Map Projections (1987), 3-12."""
        es, sine = float(self._geod.es), np.sin(lat)
        first = es**0.5
        rest = np.arctanh(first * sine) / first if es else sine  # of a sphere
        zone: Float64[np.ndarray, "n m outline"] = (1 - es) * (sine / (1 - es * sine**2) + rest)
        return zone

    def _lonlat(self, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return longitude and latitude in degrees of points between pixels; not a number off the earth."""
        x, y = to_crs(self._header.transform, rows=rows, cols=cols)
        if self._angular:
            return x * self._degrees, y * self._degrees
        lon, lat = self._to_angles.transform(x, y)
        there = np.isfinite(lon) & np.isfinite(lat)
        if not self._cylindrical:
            there &= self._leads_back(lon, lat, x, y)
        return np.where(there, lon * self._degrees, np.nan), np.where(there, lat * self._degrees, np.nan)

    def _leads_back(self, lon: np.ndarray, lat: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        back_x, back_y = self._to_angles.transform(lon, lat, direction=TransformDirection.INVERSE)
        allowed = min(pixel_size(self._header.transform)) / 2 + _ROUND_TRIP * np.maximum(np.abs(x), np.abs(y))
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


def _turned(degrees: Float64[np.ndarray, "*any"]) -> Float64[np.ndarray, "*any"]:
    """Return angles between -180 and 180 degrees."""
    return (degrees + 180.0) % 360.0 - 180.0
