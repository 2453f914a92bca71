"""Where a scene lies, as GeoJSON has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow.parquet as pq
import shapely
from shapely.geometry import mapping, shape

from pipeline.output import Output
from pipeline.storage import objects

BBox = tuple[float, float, float, float]
"""xmin, ymin, xmax, ymax in degrees; xmin is the greater one where it crosses the antimeridian."""

WORLD: BBox = (-180.0, -90.0, 180.0, 90.0)
_HALF_TURN = 180.0


def footprints(output: Output) -> dict[str, Mapping[str, Any]]:
    """Return the outlines of valid pixels that an output has, by scene id: none where it has no table of them.

    Raises:
        PipelineError: the storage refused, or the table is damaged.
    """
    table = output.items
    if not objects.exists(table):
        return {}
    with objects.opened_object(table) as file:
        found = pq.read_table(file, columns=["id", "geometry"])
    pairs = zip(found["id"].to_pylist(), found["geometry"].to_pylist(), strict=True)
    return {scene_id: mapping(shapely.from_wkb(wkb)) for scene_id, wkb in pairs if wkb is not None}


def box(bbox: BBox) -> dict[str, Any]:
    """Return a box as a polygon, or as two where it crosses the antimeridian (RFC 7946, 3.1.9).

    >>> box((179.0, 0.0, -179.0, 1.0))["type"]
    'MultiPolygon'
    """
    west, south, east, north = bbox
    if west <= east:
        return {"type": "Polygon", "coordinates": [_ring(west, south, east, north)]}
    halves = ((west, _HALF_TURN), (-_HALF_TURN, east))
    return {
        "type": "MultiPolygon",
        "coordinates": [[_ring(left, south, right, north)] for left, right in halves],
    }


def bbox_of(geometry: Mapping[str, Any], *, grid: BBox) -> BBox:
    """Return the box of a geometry of the scene with this box of its ``grid``, which is its own at the antimeridian."""
    if grid[0] > grid[2]:
        return grid
    found: BBox = shape(geometry).bounds
    return found


def union(boxes: list[BBox]) -> BBox:
    """Return the box around boxes: all degrees of longitude where one crosses the antimeridian, of none the world."""
    if not boxes:
        return WORLD
    west, east = min(each[0] for each in boxes), max(each[2] for each in boxes)
    if any(each[0] > each[2] for each in boxes):
        west, east = WORLD[0], WORLD[2]
    return west, min(each[1] for each in boxes), east, max(each[3] for each in boxes)


def _ring(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]
