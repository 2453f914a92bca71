"""Polygons in a coordinate reference system."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from pipeline.errors import ConfigError

Ring = tuple[tuple[float, float], ...]
Polygon = tuple[Ring, ...]

EXPECTED = (
    "expected a box xmin,ymin,xmax,ymax, a POLYGON or MULTIPOLYGON, or GeoJSON of such, in longitude and latitude; "
    "of another CRS after SRID=32633;"
)
MOST_CORNERS = 2_000_000
"""Of all rings together: a country's border in every detail has half as many, and each window goes through them all."""

_CORNERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Aoi:
    """Polygons of rings, the outer one first, of x (easting, longitude) and y in ``crs``.

    Raises:
        ConfigError: there is no polygon, a ring has not three corners of finite numbers, or there are too many.
    """

    crs: str
    polygons: tuple[Polygon, ...]

    def __post_init__(self) -> None:
        rings = [ring for polygon in self.polygons for ring in polygon]
        if sum(map(len, rings)) > MOST_CORNERS:
            raise ConfigError(f"aoi must have at most {MOST_CORNERS:,} corners: simplify it")
        finite = all(math.isfinite(value) for ring in rings for corner in ring for value in corner)
        if not rings or not finite or any(len(ring) < _CORNERS - 1 for ring in rings):
            raise ConfigError(f"aoi must have polygons of at least three corners: {EXPECTED}")

    @property
    def text(self) -> str:
        """Return the area as text, which ``parse`` reads too; equal areas have equal texts."""
        return f"{self.crs};{json.dumps(self.polygons)}"
