"""A user's own polygons: what they are called, where they lie, in which CRS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa


@dataclass(frozen=True, eq=False)
class Zones:
    """Polygons and multipolygons (x, y) in a CRS, in the order of their file.

    ``ids`` are texts or whole numbers, one a polygon. ``polygons`` are shapely's, valid and none of them empty, and
    ``crs`` is pyproj's, as geopandas has it. ``repaired`` are the numbers of rows, from 0, whose polygon was not valid
    in the file.

    Raises:
        ValueError: there is not one id for each polygon.
    """

    ids: pa.Array
    polygons: np.ndarray
    crs: Any
    repaired: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.polygons):
            raise ValueError(f"each zone has an id, got {len(self.ids)} ids of {len(self.polygons)} polygons")

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.polygons)
