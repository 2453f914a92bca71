"""Which scene of one list is of the same place as which of another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from pipeline.export.moving import moved
from pipeline.geometry.lonlat.bounds import lonlat_bbox
from pipeline.geometry.scene import Header
from pipeline.geometry.transform import to_crs, to_pixels

_SIDE_POINTS = 64
_LEAST_PX = 1.0  # pixels that two scenes have in common at least
_TURN_DEG = 360.0

Placed = tuple[str, Header]
"""A scene's id and the header of its masks."""


def pair_scenes(before: Sequence[Placed], after: Sequence[Placed]) -> dict[str, tuple[str, ...]]:
    """Return for each scene of ``before`` the ids of those of ``after`` that are of its place, sorted.

    That is the one with the same id, where there is such, else all that overlap it on the ground.
    """
    headers = dict(after)
    ids = sorted(headers)
    tree = shapely.STRtree([_box(headers[each]) for each in ids])
    found = {}
    for scene_id, header in before:
        near = [ids[index] for index in np.sort(tree.query(_box(header)))]
        overlapping = tuple(each for each in near if _overlap(header, headers[each]))
        found[scene_id] = (scene_id,) if scene_id in headers else overlapping
    return found


def _box(header: Header) -> shapely.Geometry:
    """Return the box of longitudes and latitudes around a scene: empty where it has no place on earth."""
    box = lonlat_bbox(header)
    if box is None:
        return shapely.Point()
    if box["xmin"] <= box["xmax"]:
        return shapely.box(box["xmin"], box["ymin"], box["xmax"], box["ymax"])
    west = shapely.box(-_TURN_DEG / 2, box["ymin"], box["xmax"], box["ymax"])
    return west | shapely.box(box["xmin"], box["ymin"], _TURN_DEG / 2, box["ymax"])


def _overlap(header: Header, other: Header) -> bool:
    """Tell whether two scenes share more than an edge, by the outline of one in the pixels of the other."""
    along = np.arange(_SIDE_POINTS) / _SIDE_POINTS
    far, near = np.ones(_SIDE_POINTS), np.zeros(_SIDE_POINTS)
    rows = np.concatenate([near, along, far, 1 - along]) * other.height
    cols = np.concatenate([along, far, 1 - along, near]) * other.width
    xy = moved(np.stack(to_crs(other.transform, rows=rows, cols=cols), axis=1), other.crs_wkt, header.crs_wkt)
    there_rows, there_cols = to_pixels(header.transform, x=xy[:, 0], y=xy[:, 1])
    outline = np.stack([there_cols, there_rows], axis=1)
    if not np.isfinite(outline).all():
        return True  # too far to be drawn: its pixels will tell
    common = shapely.intersection(
        shapely.make_valid(shapely.Polygon(outline)), shapely.box(0, 0, header.width, header.height)
    )
    return bool(shapely.area(common) >= _LEAST_PX)
