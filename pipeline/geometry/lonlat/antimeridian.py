"""Polygons of longitudes across the antimeridian, which should be split there (RFC 7946, 3.1.9) and often are not.

An edge of more than half a turn is taken to go the other way round the earth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.geometry.rings import Ring

_HALF_TURN, _TURN = 180.0, 360.0
_ROUNDING = 1e-9
_TALL, _SLENDER = (
    90.0,
    5.0,
)  # degrees, and times its width: no area across the antimeridian, but all except a gap at it


def unwrapped(polygon: Sequence[Ring]) -> list[Ring]:
    """Return a polygon in longitudes and latitudes whose longitudes do not jump; they may be beyond 180 degrees."""
    outer = _continuous(polygon[0])
    middle = (outer[:, 0].min() + outer[:, 0].max()) / 2
    holes = [_continuous(ring) for ring in polygon[1:]]
    turns = [np.round((middle - (hole[:, 0].min() + hole[:, 0].max()) / 2) / _TURN) for hole in holes]
    moved = [hole + np.array([turn * _TURN, 0.0]) for hole, turn in zip(holes, turns, strict=True)]
    return [outer, *moved]


def _continuous(ring: Ring) -> Ring:
    """Return a ring without edges of more than half a turn; one round a pole is closed over the pole."""
    steps = np.diff(ring[:, 0], append=ring[:1, 0])
    jumps = (np.abs(steps) > _HALF_TURN) & (np.abs(steps) < _TURN - _ROUNDING)
    if not jumps.any():
        return ring
    steps[jumps] -= _TURN * np.sign(steps[jumps])
    found = np.column_stack([ring[0, 0] + np.concatenate([[0.0], np.cumsum(steps[:-1])]), ring[:, 1]])
    if abs(steps.sum()) > _HALF_TURN:
        pole, end = np.copysign(90.0, ring[:, 1].mean()), found[0] + np.array([steps.sum(), 0.0])
        return np.vstack([found, end, [end[0], pole], [found[0, 0], pole]])
    width, height = np.ptp(found, axis=0)
    return ring if height > max(_TALL, _SLENDER * width) else found
