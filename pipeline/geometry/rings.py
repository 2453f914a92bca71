"""Rings of polygons as arrays of corners, not closed: cut to a box, divided into shorter edges."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from pipeline.geometry.window import Window

Ring = Float64[np.ndarray, "_ 2"]
"""Corners (x, y), or (column, row) in pixels; the last is joined to the first."""


def clipped(ring: Ring, bounds: tuple[float, float, float, float]) -> Ring:
    """Return the part of a ring inside a box (Sutherland and Hodgman), so that what is far away needs no place."""
    for axis, limit, sign in ((0, bounds[0], 1), (1, bounds[1], 1), (0, bounds[2], -1), (1, bounds[3], -1)):
        if not len(ring):
            break
        following = np.roll(ring, -1, axis=0)
        here, there = sign * (ring[:, axis] - limit), sign * (following[:, axis] - limit)
        crosses = (here >= 0) != (there >= 0)
        fraction = np.divide(here, here - there, out=np.zeros_like(here), where=crosses)
        met = ring + fraction[:, None] * (following - ring)
        both = np.stack([ring, met], axis=1).reshape(-1, 2)
        ring = both[np.stack([here >= 0, crosses], axis=1).ravel()]
    return ring


def divided(ring: Ring, pieces: int) -> Ring:
    """Return a ring with each of its edges in so many ``pieces``."""
    fraction = np.arange(pieces)[None, :, None] / pieces
    following = np.roll(ring, -1, axis=0)
    divided: np.ndarray = (ring[:, None] * (1 - fraction) + following[:, None] * fraction).reshape(-1, 2)
    return divided


def meets(ring: Ring, window: Window) -> bool:
    """Tell whether the box around a ring in pixels meets ``window``; never no where the ring does."""
    (left, top), (right, bottom) = ring.min(axis=0), ring.max(axis=0)
    return bool(
        left <= window.col_end
        and right >= window.col_off
        and top <= window.row_end
        and bottom >= window.row_off
    )
