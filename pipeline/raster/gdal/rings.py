"""Rings of corners from one reference system to another."""

from __future__ import annotations

import numpy as np

from pipeline.geometry.rings import Ring
from pipeline.raster.gdal.door import transform
from pipeline.raster.gdal.environment import environment, faults_as


def ring_in(ring: Ring, *, from_wkt: str, to_wkt: str) -> Ring:
    """Return a ring of corners (x, y) in another reference system; a corner without a place there is not finite.

    Raises:
        RasterError: there is no way from one to the other.
    """
    with environment(), faults_as("cannot tell where a scene lies in another reference system"):
        x, y = transform(from_wkt, to_wkt, ring[:, 0], ring[:, 1])
    return np.column_stack([x, y]).astype(np.float64)
