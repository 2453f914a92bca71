"""The polygons of a Shapefile's main file (ESRI Shapefile Technical Description, 1998).

A record of polygons is a list of rings: those that run clockwise are outer ones, the others holes.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator

from pipeline.errors import ConfigError
from pipeline.geometry.aoi import Aoi, Polygon, Ring

_CODE, _LENGTH_AT, _HEADER_BYTES = 9994, 24, 100
_NOTHING, _PLAIN = 0, 5
_POLYGONS = (_PLAIN, 15, 25)  # with z, with m
_MOST_PAIRS, _MOST_EDGES = 10_000_000, 200_000_000  # of holes and rings, or their corners: a minute
_BOX_BYTES = 36  # a record's kind and bounds, before the counts of its rings and points


def of_shapefile(data: bytes, *, crs: str) -> Aoi:
    """Return all polygons of a main file (``.shp``), in the ``crs`` that the ``.prj`` beside it states.

    Raises:
        ConfigError: it is damaged, or holds what is no polygon.
    """
    if len(data) < _HEADER_BYTES or struct.unpack_from(">i", data)[0] != _CODE:
        raise ConfigError("aoi is a Shapefile that is damaged: it does not begin as one")
    stated_bytes = 2 * struct.unpack_from(">i", data, _LENGTH_AT)[0]
    if stated_bytes > len(data):
        raise ConfigError(
            f"aoi is a Shapefile that is damaged: it ends after {len(data)} of {stated_bytes} bytes"
        )
    try:
        return Aoi(crs=crs, polygons=tuple(_polygons(data)))
    except struct.error as error:
        raise ConfigError(f"aoi is a Shapefile that is damaged: {error}") from error


def _polygons(data: bytes) -> Iterator[Polygon]:
    offset = _HEADER_BYTES
    while offset < len(data):
        _, words = struct.unpack_from(">2i", data, offset)
        if not 0 < 2 * words <= len(data) - offset - 8:
            raise ConfigError(
                f"aoi is a Shapefile that is damaged: a record is said to have {2 * words} bytes"
            )
        (kind,) = struct.unpack_from("<i", data, offset + 8)
        if kind not in (_NOTHING, *_POLYGONS):
            raise ConfigError(f"aoi is a Shapefile of kind {kind}: expected polygons (5, 15 or 25)")
        if kind != _NOTHING:
            yield from _grouped(_rings(data, offset + 8, record_bytes=2 * words))
        offset += 8 + 2 * words


def _rings(data: bytes, offset: int, *, record_bytes: int) -> list[Ring]:
    """Return the rings of the record at ``offset``, which says of itself that it has so many bytes."""
    (kind,), (parts, points) = (
        struct.unpack_from("<i", data, offset),
        struct.unpack_from("<2i", data, offset + _BOX_BYTES),
    )
    plane_bytes, more_bytes = _BOX_BYTES + 8 + 4 * parts + 16 * points, 16 + 8 * points
    extras = (0,) if kind == _PLAIN else (0, 1, 2)  # z, and m, which may be left out
    whole = [plane_bytes + extra * more_bytes for extra in extras]
    if parts < 0 or points < 0 or (parts == 0 and points > 0) or record_bytes not in whole:
        raise ConfigError(
            f"aoi is a Shapefile that is damaged: a record of {record_bytes} bytes has {parts} rings of {points} points"
        )
    starts = struct.unpack_from(f"<{parts}i", data, offset + _BOX_BYTES + 8)
    if starts[:1] > (0,) or any(start > end for start, end in itertools.pairwise((0, *starts, points))):
        raise ConfigError(
            "aoi is a Shapefile that is damaged: the rings of a record do not follow each other"
        )
    values = struct.unpack_from(f"<{2 * points}d", data, offset + _BOX_BYTES + 8 + 4 * parts)
    corners = tuple(zip(values[::2], values[1::2], strict=True))
    return [corners[start:end] for start, end in zip(starts, (*starts[1:], points), strict=True)]


def _grouped(rings: list[Ring]) -> list[Polygon]:
    """Give each hole to the outer ring that it begins in; where none runs clockwise, all are outer ones."""
    outer = [ring for ring in rings if not _area(ring) > 0]
    if not outer:
        return [(ring,) for ring in rings]
    holes = [ring for ring in rings if _area(ring) > 0]
    if len(holes) * len(outer) > _MOST_PAIRS or len(holes) * sum(map(len, outer)) > _MOST_EDGES:
        raise ConfigError(
            "aoi has a Shapefile's record of too many holes in too many rings: save it as a GeoPackage"
        )
    polygons = [[ring] for ring in outer]
    for hole in holes:
        around = [polygon for polygon in polygons if _contains(polygon[0], hole[0])]
        if around:
            # of rings inside each other the smallest: an island in a lake has lakes of its own
            min(around, key=lambda polygon: abs(_area(polygon[0]))).append(hole)
        else:
            polygons.append([hole])
    return [tuple(polygon) for polygon in polygons]


def _area(ring: Ring) -> float:
    """Return twice the signed area: below zero where the ring runs clockwise."""
    following = (*ring[1:], *ring[:1])
    return sum((x * y2 - x2 * y for (x, y), (x2, y2) in zip(ring, following, strict=True)), 0.0)


def _contains(ring: Ring, point: tuple[float, float]) -> bool:
    """Tell whether a point is inside a ring, by the edges to the right of it."""
    x, y = point
    inside = False
    for (x1, y1), (x2, y2) in zip(ring, (*ring[1:], *ring[:1]), strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            inside = not inside
    return inside
