"""The rings of a square's pieces simplified together, so that neighbours go on having the same border."""

from __future__ import annotations

import numpy as np
import shapely
from jaxtyping import Int

from pipeline.export.polygons.rings import Rings, ordered


def simplified(
    rings: Rings, owners: Int[np.ndarray, " r"], *, tolerance_px: float
) -> tuple[Rings, Int[np.ndarray, " r"]]:
    """Return the rings with fewer of their vertices, and the piece of each, see ``Pieces.rings``.

    Of a border between two pieces a vertex goes where it spans less than ``tolerance_px`` squared with its neighbours
    (Visvalingam and Whyatt 1993); where three meet, at the square's edges and beside no data all stay. The rings have
    ``with_nodes``.
    """
    if not len(owners):
        return rings, owners
    simpler = shapely.coverage_simplify(_polygons(rings, owners), tolerance_px, simplify_boundary=False)
    _, points, (ring_ends, piece_ends) = shapely.to_ragged_array(simpler)
    lengths = np.diff(ring_ends)
    open_ = np.ones(len(points), np.bool_)
    open_[ring_ends[1:] - 1] = False
    found = Rings(points[open_][:, ::-1].astype(np.int32), lengths - 1)
    return ordered(
        _clockwise(found, piece_ends[:-1]), np.repeat(np.arange(len(simpler)), np.diff(piece_ends))
    )


def _polygons(rings: Rings, owners: Int[np.ndarray, " r"]) -> np.ndarray:
    ends = np.cumsum(rings.lengths + 1)
    closed = np.arange(ends[-1]) - np.repeat(np.arange(len(rings.lengths)), rings.lengths + 1)
    closed[ends - 1] = rings.starts
    points = rings.vertices[closed][:, ::-1].astype(np.float64)
    offsets = np.append(0, ends), np.append(0, np.cumsum(np.bincount(owners)))
    polygons: np.ndarray = shapely.from_ragged_array(shapely.GeometryType.POLYGON, points, offsets)
    return polygons


def _clockwise(rings: Rings, shells: Int[np.ndarray, " n"]) -> Rings:
    """Return rings of which ``shells`` go clockwise as rows are drawn downwards, and the others do not."""
    is_shell = np.zeros(len(rings.lengths), np.bool_)
    is_shell[shells] = True
    turned = (rings.areas() > 0) != is_shell
    place = np.arange(len(rings.vertices)) - np.repeat(rings.starts, rings.lengths)
    back = np.repeat(rings.starts + rings.lengths - 1, rings.lengths) - place
    return Rings(rings.vertices[np.where(turned[rings.ring_of], back, np.arange(len(place)))], rings.lengths)
