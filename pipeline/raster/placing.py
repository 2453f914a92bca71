"""Scenes that say by ground control points or a camera's polynomials where they lie, laid flat as they are read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rasterio.vrt import WarpedVRT

from pipeline.raster.gdal import Source
from pipeline.raster.validity import Nodata, alpha_bands
from pipeline.view import Placed

_LONGITUDE_LATITUDE = "EPSG:4326"  # what rational polynomials are of


def placement(source: Source) -> Placed:
    """Tell how a file says where it lies; a transform goes before points, and points before polynomials."""
    if not source.transform.is_identity:
        return "transform"
    points, crs = source.gcps
    if points and crs:
        return "gcps"
    return "rpcs" if source.rpcs else "transform"


@contextmanager
def laid_flat(source: Source, placed: Placed, nodata: Nodata) -> Iterator[Source]:
    """Yield the file in the CRS of its points or polynomials, north up, by the nearest pixel; else as it is.

    The place of each pixel is found exactly, without the interpolation that makes it depend on what else is read.
    What the file does not show, and what is without data in it, is so by an alpha band.
    """
    if placed == "transform":
        yield source
        return
    crs = source.gcps[1] if placed == "gcps" else _LONGITUDE_LATITUDE
    options: dict[str, Any] = {"src_crs": crs, "crs": crs, "tolerance": 0}
    if not alpha_bands(source):
        options |= {"add_alpha": True, "nodata": None}
    if nodata is not None:
        options["src_nodata"] = math.nan if nodata == "none" else nodata  # None would be the file's own value
    with WarpedVRT(source, **options) as flat:
        yield flat
