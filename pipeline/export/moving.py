"""Points of one CRS in another."""

from __future__ import annotations

from typing import Any

import geopandas
import numpy as np
import shapely
from jaxtyping import Float64

Points = Float64[np.ndarray, "_ 2"]
"""x (easting, longitude) and y of points."""


def moved(xy: Points, source: Any, target: Any) -> Points:  # noqa: ANN401 - whatever pyproj takes for a CRS
    """Return points in another CRS; not finite where they have no place there."""
    found: Points = shapely.get_coordinates(
        geopandas.GeoSeries(shapely.points(xy), crs=source).to_crs(target).array
    )
    return found
