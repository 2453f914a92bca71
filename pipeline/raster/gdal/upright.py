"""Rotated rasters, and those that lie upside down, for programs that take every raster to be north up."""

from __future__ import annotations

import math

import rasterio
from rasterio.enums import Resampling
from rasterio.shutil import copy
from rasterio.vrt import WarpedVRT

from pipeline.geometry.scene import Header
from pipeline.geometry.transform import Transform, bounds, pixel_size
from pipeline.raster.gdal.environment import environment, faults_as


def is_north_up(transform: Transform) -> bool:
    """Tell whether rows run east and columns south.

    >>> is_north_up((1.0, 0.0, 0.0, 0.0, -1.0, 0.0)), is_north_up((0.8, 0.6, 0.0, 0.6, -0.8, 0.0))
    (True, False)
    """
    a, b, _, d, e, _ = transform
    return not b and not d and a > 0 > e


def write_north_up(path: str, *, source: str, header: Header) -> None:
    """Write a VRT that shows the raster ``source``, whose grid is that of ``header``, north up.

    Its pixels are as large as the source's, and each has the value of the nearest one. It names the source relative to
    its own folder.

    Raises:
        RasterError: GDAL or the disk refused.
    """
    height, width = pixel_size(header.transform)
    left, bottom, right, top = bounds(header.transform, height=header.height, width=header.width)
    grid = {
        "transform": rasterio.Affine(width, 0.0, left, 0.0, -height, top),
        "width": math.ceil((right - left) / width),
        "height": math.ceil((top - bottom) / height),
    }
    with (
        environment(),
        faults_as(f"cannot write {path}"),
        rasterio.open(source) as rotated,
        WarpedVRT(rotated, crs=rotated.crs, resampling=Resampling.nearest, **grid) as north_up,
    ):
        copy(north_up, path, driver="VRT")
