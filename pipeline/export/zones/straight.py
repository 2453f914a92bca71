"""Polygons in another plane: their edges, straight in their own, in as many pieces as keep them where they are.

An edge that is straight in longitude and latitude is an arc in a projection. How far it is bent is looked at in two
points, a third from each end, and not in the middle: an arc that bends one way and then the other is on its chord
there. Of n pieces each is bent a part n * n less.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from jaxtyping import Float64, Int64

from pipeline.export.moving import Points

Mapping = Callable[[Points], Points]

_STRAIGHT = 1.5e-7
# Of a polygon's breadth, which is 4 * area / perimeter, the side of a square: edges so far from their lines change the
# area by less than 4e-7 of itself.

_LEAST = 1e-8  # pixels or metres, which is as good as coordinates of 64 bits are
_MOST_PIECES, _TRUSTED_PIECES = 1024, 16  # at a time; into how many an edge is cut and not looked at again
_ROUNDS = 4
_ARC = (
    1.2  # how much further from its chord an arc is in its middle than at a third, 9 / 8, and a little more
)
_AT_ONCE_CORNERS = 1 << 16


def mapped(polygons: np.ndarray, mapping: Mapping) -> np.ndarray:
    """Return polygons and multipolygons in the plane of pixels or metres that ``mapping`` leads to, as multipolygons.

    Their areas are there what they should be to 4e-7 of themselves. What has no place there comes with coordinates that
    are not finite.
    """
    batch = np.cumsum(shapely.get_num_coordinates(polygons)) // _AT_ONCE_CORNERS
    parts = np.split(polygons, np.flatnonzero(np.diff(batch)) + 1)
    return np.concatenate([_mapped(part, mapping) for part in parts])


def _mapped(polygons: np.ndarray, mapping: Mapping) -> np.ndarray:
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
        pieces = _pieces(corners, there, todo, mapping, tolerance=tolerance[todo])
        edges, pieces = todo[pieces > 1], pieces[pieces > 1]
        if not len(edges):
            break
        before = np.repeat(edges + 1, pieces - 1)
        number = np.arange(len(before)) - np.repeat(np.cumsum(pieces - 1) - (pieces - 1), pieces - 1) + 1
        between = _along(corners, np.repeat(edges, pieces - 1), number / np.repeat(pieces, pieces - 1))
        corners = np.insert(corners, before, between, axis=0)
        there = np.insert(there, before, mapping(between), axis=0)
        of_ring = np.insert(of_ring, before, np.repeat(of_ring[edges], pieces - 1))
        tolerance = np.insert(tolerance, before, np.repeat(tolerance[edges], pieces - 1))
        begins = edges + np.cumsum(pieces - 1) - (pieces - 1)
        again = pieces > _TRUSTED_PIECES
        todo = np.concatenate(
            [start + np.arange(n) for start, n in zip(begins[again], pieces[again], strict=True)]
            or [edges[:0]]
        )
    return there, of_ring


def _pieces(
    corners: Points, there: Points, edges: np.ndarray, mapping: Mapping, *, tolerance: np.ndarray
) -> Int64[np.ndarray, "_"]:
    """Return in how many pieces each edge is straight enough; 1 where it has no place."""
    bent = np.zeros(len(edges))
    for third in (1 / 3, 2 / 3):
        off = mapping(_along(corners, edges, third)) - _along(there, edges, third)
        with np.errstate(invalid="ignore"):
            bent = np.maximum(bent, np.hypot(off[:, 0], off[:, 1]))
    bent = np.where(np.isfinite(bent), bent, 0)
    needed = np.where(bent > tolerance, np.ceil(np.sqrt(_ARC * bent / tolerance)), 1)
    return np.minimum(needed, _MOST_PIECES).astype(np.int64)


def _along(corners: Points, edges: np.ndarray, fraction: Any) -> Points:  # noqa: ANN401 - a number, or one an edge
    """Return the point at a fraction of each edge."""
    begin, end = corners[edges], corners[edges + 1]
    found: Points = begin + (end - begin) * np.reshape(fraction, (-1, 1))
    return found
