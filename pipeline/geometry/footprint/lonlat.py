"""Polygons in pixels of a scene as polygons of longitude and latitude, cut at the antimeridian."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import shapely
from jaxtyping import Bool

from pipeline.geometry.footprint.outline import outline
from pipeline.geometry.footprint.valid_map import ValidMap
from pipeline.geometry.ground import Ground
from pipeline.geometry.lonlat.antimeridian import unwrapped
from pipeline.geometry.rings import Ring
from pipeline.geometry.scene import Header

_TURN, _POLE = 360.0, 90.0
_DIGITS = 1e-7  # of a degree, a centimetre
_DEGREE_M = 111_320.0
_BENT = (
    1 / 8
)  # of a cell: as far as an edge, which is straight in the scene's CRS, may be from one that is in degrees
_HALVINGS = 8
_CORNERS = 3


def footprint(header: Header, valid: ValidMap) -> bytes | None:
    """Return the outline of a scene's valid pixels as WKB of polygons in degrees of WGS 84, longitude first.

    None where no pixel is valid, or none has a place on earth. A pixel is at most one cell of the map outside of it,
    and it is at most two beyond the pixels; without pixels that are not valid it is that of the grid. Polygons are
    valid, counterclockwise, and cut at the antimeridian.
    """
    ground = Ground.of(header)
    if ground is None:
        return None
    cells = valid.cells & _on_earth(ground, valid)
    if not cells.any():
        return None
    bent_deg = _bent_deg(ground, valid.side_px)
    pieces = [
        piece
        for polygon in outline(cells, side_px=valid.side_px, extent=valid.extent)
        for piece in _placed(ground, polygon, bent_deg)
    ]
    found = shapely.set_precision(shapely.union_all(pieces), _DIGITS)
    if found.is_empty:
        return None
    return bytes(
        shapely.to_wkb(shapely.orient_polygons(shapely.normalize(found)), byte_order=1, flavor="iso")
    )


def bounds_of(wkb: bytes) -> dict[str, float]:
    """Return xmin, ymin, xmax, ymax of polygons; of those on both sides of the antimeridian they are its two sides."""
    return dict(zip(("xmin", "ymin", "xmax", "ymax"), shapely.from_wkb(wkb).bounds, strict=True))


def _on_earth(ground: Ground, valid: ValidMap) -> Bool[np.ndarray, "rows cols"]:
    """Tell of which cells all four corners have a place on earth."""
    rows, cols = (
        np.minimum(np.arange(size + 1) * valid.side_px, most).astype(np.float64)
        for size, most in zip(valid.cells.shape, valid.extent.shape, strict=True)
    )
    lon, lat = ground.wgs84(rows[:, None] + 0 * cols, 0 * rows[:, None] + cols)
    there = np.isfinite(lon) & np.isfinite(lat)
    placed: np.ndarray = there[:-1, :-1] & there[1:, :-1] & there[:-1, 1:] & there[1:, 1:]
    return placed


def _bent_deg(ground: Ground, side_px: int) -> float:
    pixel_m = ground.pixel_m()
    return _BENT * side_px * (pixel_m if math.isfinite(pixel_m) else 0.0) / _DEGREE_M or _DIGITS


def _placed(ground: Ground, polygon: shapely.Polygon, bent_deg: float) -> Iterator[shapely.Geometry]:
    """Yield a polygon's parts between the meridians of 180 degrees."""
    rings = [
        ring
        for line in (polygon.exterior, *polygon.interiors)
        if len(ring := _ring(ground, shapely.get_coordinates(line)[:-1], bent_deg)) >= _CORNERS
    ]
    if not rings:
        return
    outer, *holes = unwrapped(rings)
    whole = shapely.make_valid(shapely.Polygon(outer, holes), method="structure")
    west, _, east, _ = whole.bounds
    for turn in range(math.floor((west + _TURN / 2) / _TURN), math.ceil((east + _TURN / 2) / _TURN)):
        band = shapely.box(turn * _TURN - _TURN / 2, -_POLE, turn * _TURN + _TURN / 2, _POLE)
        part = shapely.intersection(whole, band)
        for piece in shapely.get_parts(part):
            if isinstance(piece, shapely.Polygon):
                yield shapely.transform(piece, lambda corners, back=turn * _TURN: corners - [back, 0.0])


def _ring(ground: Ground, corners: Ring, bent_deg: float) -> Ring:
    """Return a ring of (column, row) in degrees, with as many corners as its edges need to be straight there."""
    placed = _lonlat(ground, corners)
    for _ in range(_HALVINGS):
        between = (corners + np.roll(corners, -1, axis=0)) / 2
        middles = _lonlat(ground, between)
        bent = _bend(placed, middles) > bent_deg
        if not bent.any():
            break
        where = np.flatnonzero(bent) + 1
        corners = np.insert(corners, where, between[bent], axis=0)
        placed = np.insert(placed, where, middles[bent], axis=0)
    there: np.ndarray = placed[np.isfinite(placed).all(axis=1)]
    return there


def _bend(ring: Ring, middles: Ring) -> np.ndarray:
    """Return how far, in degrees of latitude, the middles of edges are from where straight ones would have them."""
    steps = np.roll(ring, -1, axis=0) - ring
    steps[:, 0] = _turned(steps[:, 0])
    off = middles - (ring + steps / 2)
    bend: np.ndarray = np.hypot(_turned(off[:, 0]) * np.cos(np.radians(middles[:, 1])), off[:, 1])
    bend[np.isnan(bend)] = 0.0
    return bend


def _lonlat(ground: Ground, corners: Ring) -> Ring:
    lon, lat = ground.wgs84(corners[:, 1].copy(), corners[:, 0].copy())
    return np.column_stack([lon, lat])


def _turned(degrees: np.ndarray) -> np.ndarray:
    turned: np.ndarray = (degrees + _TURN / 2) % _TURN - _TURN / 2
    return turned
