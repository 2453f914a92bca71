"""Polygons in another plane: their edges, straight in their own, in as many pieces as keep them where they are.

An edge that is straight in longitude and latitude is an arc in a projection. Each edge is cut into thirds until the
points between are on the line that is drawn. Thirds, and not halves: an arc that bends one way and then the other is
on its chord in the middle.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import shapely
from jaxtyping import Float64

from pipeline.export.moving import Points

Mapping = Callable[[Points], Points]

_STRAIGHT = 5e-8
# Of a polygon's breadth, which is 4 * area / perimeter, the side of a square: edges so far from their lines change the
# area by less than 1.4e-7 of itself.

_LEAST = 1e-8  # pixels or metres, which is as good as coordinates of 64 bits are
_ROUNDS = 12  # 500,000 pieces an edge


def mapped(polygons: np.ndarray, mapping: Mapping) -> np.ndarray:
    """Return polygons and multipolygons in the plane of pixels or metres that ``mapping`` leads to, as multipolygons.

    Their areas are there what they should be to some 1e-7. What has no place there comes with coordinates that are not
    finite.
    """
    parts, of_polygon = shapely.get_parts(polygons, return_index=True)
    rings, of_part = shapely.get_rings(parts, return_index=True)
    corners, of_ring = shapely.get_coordinates(rings, return_index=True)
    there = mapping(corners)
    tolerance = _STRAIGHT * _breadth(_drawn(there, of_ring, of_part, of_polygon))
    of_corner = np.maximum(tolerance, _LEAST)[of_polygon[of_part[of_ring]]]
    there, of_ring = _divided(corners, there, of_ring, mapping, tolerance=of_corner)
    return _drawn(there, of_ring, of_part, of_polygon)


def _drawn(corners: Points, of_ring: np.ndarray, of_part: np.ndarray, of_polygon: np.ndarray) -> np.ndarray:
    parts = shapely.polygons(shapely.linearrings(corners, indices=of_ring), indices=of_part)
    found: np.ndarray = shapely.multipolygons(parts, indices=of_polygon)
    return found


def _breadth(polygons: np.ndarray) -> Float64[np.ndarray, "_"]:
    """Return the breadth of polygons, 0 where it is not known."""
    around = shapely.length(polygons)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: np.ndarray = np.nan_to_num(4 * shapely.area(polygons) / around, posinf=0.0)
    return found


def _divided(
    corners: Points, there: Points, of_ring: np.ndarray, mapping: Mapping, *, tolerance: np.ndarray
) -> tuple[Points, np.ndarray]:
    """Return the corners of closed rings in the other plane, and others between them, each with its ring.

    ``there`` are the corners in the other plane, and ``tolerance`` is how far from its line the edge after each may be.
    """
    todo = np.flatnonzero(of_ring[:-1] == of_ring[1:])  # edges by the corner that they begin at
    for _ in range(_ROUNDS):
        between = _thirds(corners, todo)
        placed = mapping(between.reshape(-1, 2)).reshape(between.shape)
        with np.errstate(invalid="ignore"):
            bent = np.hypot(*np.moveaxis(placed - _thirds(there, todo), -1, 0)).max(axis=1) > tolerance[todo]
        if not bent.any():
            break
        edges = todo[bent]
        before = np.repeat(edges + 1, 2)
        corners = np.insert(corners, before, between[bent].reshape(-1, 2), axis=0)
        there = np.insert(there, before, placed[bent].reshape(-1, 2), axis=0)
        of_ring = np.insert(of_ring, before, np.repeat(of_ring[edges], 2))
        tolerance = np.insert(tolerance, before, np.repeat(tolerance[edges], 2))
        begins = edges + 2 * np.arange(len(edges))  # each edge before has become three
        todo = (begins[:, None] + np.arange(3)).ravel()
    return there, of_ring


def _thirds(corners: Points, edges: np.ndarray) -> Float64[np.ndarray, "_ 2 2"]:
    """Return the two points that cut each edge into thirds."""
    begin, end = corners[edges][:, None], corners[edges + 1][:, None]
    fraction = np.array([1.0, 2.0])[:, None] / 3
    found: np.ndarray = begin + (end - begin) * fraction
    return found
