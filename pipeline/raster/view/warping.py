"""Scenes that say by ground control points or a camera's polynomials where they lie, warped as they are read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.config import Reading
from pipeline.errors import RasterError
from pipeline.geometry.view import Placed
from pipeline.raster.gdal.door import MaskFlags, WarpedVRT
from pipeline.raster.gdal.environment import Source
from pipeline.raster.view.validity import alpha_bands

_LONGITUDE_LATITUDE = "EPSG:4326"  # what rational polynomials are of
_DOUBLE = 2.0**53  # from here on a double does not hold every whole number


def georeference_kind(source: Source) -> Placed:
    """Tell how a file says where it lies; a transform goes before points, and points before polynomials."""
    if not source.transform.is_identity:
        return "transform"
    points, crs = source.gcps
    if points and crs:
        return "gcps"
    return "rpcs" if source.rpcs else "transform"


@contextmanager
def warped(source: Source, placed: Placed, reading: Reading) -> Iterator[Source]:
    """Yield the file in the CRS of its points or polynomials, north up, by the nearest pixel; else as it is.

    The position of each pixel is found exactly, without the interpolation that makes it depend on what else is read.
    What the file does not show, and what is without data in it, is so by an alpha band.

    Raises:
        RasterError: what is without data in the file could not be told once it is warped.
    """
    if placed == "transform":
        yield source
        return
    _check_told(source, reading)
    nodata = reading.nodata
    crs = source.gcps[1] if placed == "gcps" else _LONGITUDE_LATITUDE
    options: dict[str, Any] = {"src_crs": crs, "crs": crs, "tolerance": 0}
    if not alpha_bands(source, reading):
        options |= {"add_alpha": True, "nodata": None}
    if nodata is not None:
        options["src_nodata"] = math.nan if nodata == "none" else nodata  # None would be the file's own value
    with WarpedVRT(source, **options) as flat:
        yield flat


def _check_told(source: Source, reading: Reading) -> None:
    """Refuse what GDAL cannot warp as it is: a band of alpha that is none, no data values that no double holds."""
    if alpha_bands(source, Reading()) and reading.alpha is not None:
        raise RasterError(
            f"{source.name} has a band flagged alpha and is warped by its points, where alpha: none is not known: "
            "write it without the flag, as gdal_translate does with -colorinterp_4 undefined"
        )
    for flags, dtype, own in zip(source.mask_flag_enums, source.dtypes, source.nodatavals, strict=True):
        stated = own if own is not None else math.inf
        value = (stated if MaskFlags.nodata in flags else 0) if reading.nodata is None else reading.nodata
        if dtype in ("int64", "uint64") and value != "none" and abs(float(value)) >= _DOUBLE:
            raise RasterError(
                f"{source.name} has pixels of {dtype} without data by a value beyond 2**53 and is warped by its "
                "points, which is done in floats: write it with smaller numbers, or give nodata: none"
            )
