"""Polygons as OGC's well-known binary, in which tables and GeoPackages hold them."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from pipeline.geometry.rings import Ring

_POLYGON, _MULTIPOLYGON = 3, 6
_HEAD_BYTES, _COUNT_BYTES, _POINT_BYTES = 5, 4, 16


def polygon_wkb(ring: Ring) -> bytes:
    """Return a polygon of one ring, which is closed here."""
    closed = np.vstack([ring, ring[:1]])
    return struct.pack("<BIII", 1, _POLYGON, 1, len(closed)) + closed.astype("<f8").tobytes()


def geojson_of(wkb: bytes) -> dict[str, Any]:
    """Return a Polygon or MultiPolygon of two dimensions as GeoJSON has it.

    >>> geojson_of(polygon_wkb(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])))
    {'type': 'Polygon', 'coordinates': [[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]]}

    Raises:
        ValueError: it is none.
    """
    try:
        found, end = _geometry(wkb, 0)
    except struct.error as error:
        raise ValueError(f"a geometry ends early, after {len(wkb)} bytes") from error
    if end != len(wkb):
        raise ValueError(f"a geometry of {end} bytes has {len(wkb)}")
    return found


def _geometry(wkb: bytes, start: int) -> tuple[dict[str, Any], int]:
    order = "<" if struct.unpack_from("B", wkb, start)[0] else ">"
    kind, count = struct.unpack_from(f"{order}II", wkb, start + 1)
    at = start + _HEAD_BYTES + _COUNT_BYTES
    if kind == _POLYGON:
        rings = []
        for _ in range(count):
            ring, at = _ring(wkb, at, order)
            rings.append(ring)
        return {"type": "Polygon", "coordinates": rings}, at
    if kind != _MULTIPOLYGON:
        raise ValueError(
            f"expected a Polygon or MultiPolygon of two dimensions, got the geometry type {kind}"
        )
    polygons = []
    for _ in range(count):
        polygon, at = _geometry(wkb, at)
        polygons.append(polygon["coordinates"])
    return {"type": "MultiPolygon", "coordinates": polygons}, at


def _ring(wkb: bytes, start: int, order: str) -> tuple[list[list[float]], int]:
    (count,) = struct.unpack_from(f"{order}I", wkb, start)
    first, end = start + _COUNT_BYTES, start + _COUNT_BYTES + count * _POINT_BYTES
    points = struct.unpack_from(f"{order}{2 * count}d", wkb, first)
    return [list(pair) for pair in zip(points[::2], points[1::2], strict=True)], end
