"""Between which meridians and parallels a scene lies."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from pipeline.geometry.ground import Ground
from pipeline.geometry.scene import Header

_SAMPLES = 65  # points along each side
_TURN_DEG = 360.0
_ROUND_DEG = 2 * _TURN_DEG / (_SAMPLES - 1)  # no gap in longitude as wide as this: all the way round
_DIGITS = 7  # of a degree, a centimetre


def lonlat_bbox(header: Header) -> dict[str, float] | None:
    """Return xmin, ymin, xmax, ymax of a scene in degrees of WGS 84; None where it has no place on earth.

    As in GeoJSON xmin is greater than xmax where it lies across the antimeridian.
    """
    ground = Ground.of(header)
    if ground is None:
        return None
    rows, cols = (np.linspace(0.0, length, _SAMPLES) for length in (header.height, header.width))
    lon, lat = ground.wgs84(rows[:, None] + 0 * cols, 0 * rows[:, None] + cols)
    placed = np.isfinite(lon) & np.isfinite(lat)
    if not placed.any():
        return None
    west, east = _between(lon[placed])
    south, north = float(lat[placed].min()), float(lat[placed].max())
    poles = ground.poles_inside()
    if poles:
        west, east = -_TURN_DEG / 2, _TURN_DEG / 2
        south, north = min(south, *poles), max(north, *poles)
    return {
        name: round(value, _DIGITS)
        for name, value in zip(("xmin", "ymin", "xmax", "ymax"), (west, south, east, north), strict=True)
    }


def _between(lon: Float64[np.ndarray, "n"]) -> tuple[float, float]:
    """Return the meridians between which points lie: all but the widest gap."""
    half = _TURN_DEG / 2
    found = np.unique(lon % _TURN_DEG)
    gaps = np.diff(found, append=found[0] + _TURN_DEG)
    widest = int(gaps.argmax())
    if gaps[widest] <= _ROUND_DEG:
        return -half, half
    west, east = float(found[(widest + 1) % len(found)]), float(found[widest])
    return west - _TURN_DEG * (west >= half), east - _TURN_DEG * (east > half)
