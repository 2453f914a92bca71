"""Where zones lie in a scene: those that may touch it, as polygons in its pixels; and how large they are in all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import shapely
from jaxtyping import Float64, Int64

from pipeline.errors import RasterError
from pipeline.export.moving import Points, moved
from pipeline.export.zones.straight import mapped
from pipeline.export.zones.values import Zones
from pipeline.geometry.scene import Header
from pipeline.geometry.transform import to_crs, to_pixels

_SAMPLES = 65  # points along each side of a scene
_MARGIN = 0.05  # of a scene's extent, as its outline is not straight in another CRS
_TURN_DEG = 360.0
_QUARTER_DEG = 90.0
_LONGITUDE_LATITUDE = "OGC:CRS84"


@dataclass(frozen=True, eq=False)
class PlacedZones:
    """Zones that may touch a scene, by their ``indices`` in the file.

    ``polygons`` are in columns and, upwards, negative rows of the scene's pixels, as far as they are near the scene.
    """

    indices: Int64[np.ndarray, "n"]
    polygons: np.ndarray


def place(zones: Zones, header: Header) -> PlacedZones:
    """Return the zones that may touch a scene, at its pixels; edges are straight in the zones' own CRS.

    Raises:
        RasterError: the scene states no CRS, or a zone near it reaches where the scene's CRS has no place.
    """
    if header.crs_wkt is None:
        raise RasterError(
            "the scene states no CRS, so that zones have no place on it: leave it out by --scenes"
        )
    geographic = bool(zones.crs.is_geographic)
    left, bottom, right, top = _bounds(header, zones.crs, geographic=geographic)
    found, polygons = [], []
    for turn in (0.0, -_TURN_DEG, _TURN_DEG) if geographic else (0.0,):
        box = shapely.box(left + turn, bottom, right + turn, top)
        near = _near(zones.polygons, box)
        found.append(near)
        cut = _cut(zones.polygons[near], box)
        polygons.append(shapely.transform(cut, partial(np.add, [-turn, 0.0])) if turn else cut)
    indices, parts = np.concatenate(found), np.concatenate(polygons)
    there = ~shapely.is_empty(parts)
    indices, parts = indices[there], parts[there]
    order = np.argsort(indices, kind="stable")
    return PlacedZones(indices[order], _in_pixels(parts[order], zones.crs, header))


def areas_m2(zones: Zones, indices: Int64[np.ndarray, "n"]) -> Float64[np.ndarray, "n"]:
    """Return how large zones are on the ellipsoid WGS 84: the same, whatever scene asks."""
    polygons = zones.polygons[indices]
    bounds = shapely.bounds(polygons)
    middles = moved((bounds[:, :2] + bounds[:, 2:]) / 2, zones.crs, _LONGITUDE_LATITUDE)
    around = np.rint(np.nan_to_num(middles[:, 0], posinf=0, neginf=0) / _QUARTER_DEG) * _QUARTER_DEG
    found = np.zeros(len(indices))
    for meridian in np.unique(around):  # so that no zone is cut by the map's edge
        here = around == meridian
        to_flat = partial(
            moved, source=zones.crs, target=f"+proj=cea +lon_0={meridian:g} +datum=WGS84 +units=m"
        )
        found[here] = shapely.area(mapped(polygons[here], to_flat))
    return found


def _bounds(header: Header, crs: Any, *, geographic: bool) -> tuple[float, float, float, float]:  # noqa: ANN401
    """Return a scene's bounds in another CRS, and a little more; longitudes may go on beyond 180 degrees."""
    rows, cols = (np.linspace(0.0, length, _SAMPLES) for length in (header.height, header.width))
    x, y = to_crs(header.transform, rows=rows[:, None] + 0 * cols, cols=0 * rows[:, None] + cols)
    xy = moved(np.stack([x, y], axis=-1).reshape(-1, 2), header.crs_wkt, crs)
    xy = xy[np.isfinite(xy).all(axis=1)]
    if not len(xy):
        raise RasterError(
            "no pixel of the scene has a place in the CRS of the zones: leave it out by --scenes"
        )
    if geographic:
        middle = xy[len(xy) // 2, 0]
        xy[:, 0] = middle + (xy[:, 0] - middle + _TURN_DEG / 2) % _TURN_DEG - _TURN_DEG / 2
    (left, bottom), (right, top) = xy.min(axis=0), xy.max(axis=0)
    more = _MARGIN * max(right - left, top - bottom)
    beside = min(more, (_TURN_DEG - (right - left)) / 2) if geographic else more
    return left - beside, bottom - more, right + beside, top + more


def _near(polygons: np.ndarray, box: Any) -> Int64[np.ndarray, "n"]:  # noqa: ANN401
    left, bottom, right, top = shapely.bounds(box)
    bounds = shapely.bounds(polygons)
    near = (bounds[:, 0] < right) & (bounds[:, 2] > left) & (bounds[:, 1] < top) & (bounds[:, 3] > bottom)
    return np.flatnonzero(near)


def _cut(polygons: np.ndarray, box: Any) -> np.ndarray:  # noqa: ANN401
    """Return what of polygons is inside a box: what is far away needs no place in a scene's CRS."""
    left, bottom, right, top = shapely.bounds(box)
    bounds = shapely.bounds(polygons)
    beyond = (bounds[:, 0] < left) | (bounds[:, 2] > right) | (bounds[:, 1] < bottom) | (bounds[:, 3] > top)
    found = polygons.copy()
    for index in np.flatnonzero(beyond):
        parts = shapely.get_parts(shapely.intersection(polygons[index], box))
        found[index] = shapely.multipolygons(
            parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
        )
    return found


def _in_pixels(polygons: np.ndarray, crs: Any, header: Header) -> np.ndarray:  # noqa: ANN401
    def pixels(xy: Points) -> Points:
        there = moved(xy, crs, header.crs_wkt)
        rows, cols = to_pixels(header.transform, x=there[:, 0], y=there[:, 1])
        return np.stack([cols, -rows], axis=1)

    found = mapped(polygons, pixels)
    if not np.isfinite(shapely.get_coordinates(found)).all():
        raise RasterError(
            "a zone near the scene reaches where the scene's CRS has no place: cut the zones off there"
        )
    return found
