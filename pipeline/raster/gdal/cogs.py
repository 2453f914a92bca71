"""Write a Cloud Optimized GeoTIFF window by window, in flat memory.

GDAL's driver of that name copies a raster that is whole, so a plain GeoTIFF is written first, beside the path, and
removed when it has been copied.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import rasterio
from rasterio.shutil import copy

from pipeline.geometry.scene import Header
from pipeline.raster.gdal.environment import environment, faults_as
from pipeline.raster.gdal.writing import RasterWriter, create

Resampling = Literal["mode", "average"]
Color = tuple[int, int, int]
"""Red, green and blue, 0..255."""

_OPTIONS = {"COMPRESS": "DEFLATE", "BLOCKSIZE": 512, "BIGTIFF": "IF_SAFER"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BandDescription:
    """What a raster of one band says of itself beside its grid.

    Overviews are made by ``resampling``, of the pixels that are not no data. A value times ``scale`` is what is meant;
    ``palette`` are the colours of values, none for a band without. ``tags`` are texts by TIFF's names of tags, such as
    TIFFTAG_SOFTWARE, or by others.
    """

    name: str
    resampling: Resampling
    scale: float = 1.0
    palette: Mapping[int, Color]
    tags: Mapping[str, str]


@contextmanager
def create_cog(path: str, *, header: Header, band: BandDescription) -> Iterator[RasterWriter]:
    """Create a Cloud Optimized GeoTIFF of the grid, dtype and no data of ``header``; it appears whole, on success.

    Blocks have 512 px, and overviews go down to one block. The same pixels give the same bytes.

    Raises:
        RasterError: GDAL or the disk refused.
    """
    mark = uuid.uuid4().hex
    plain, partial = (Path(path).with_name(f".{Path(path).name}.{mark}.{end}") for end in ("tif", "cog"))
    try:
        with create(
            str(plain),
            height=header.height,
            width=header.width,
            bands=1,
            crs=header.crs_wkt,
            transform=header.transform,
            dtype=header.dtype,
            nodata=header.nodata,
        ) as target:
            yield target
        with environment(), faults_as(f"cannot finish {path}"):
            _describe(plain, band)
            copy(plain, partial, driver="COG", OVERVIEW_RESAMPLING=band.resampling, **_OPTIONS)
        partial.replace(path)
    finally:
        plain.unlink(missing_ok=True)
        partial.unlink(missing_ok=True)


def _describe(plain: Path, band: BandDescription) -> None:
    with rasterio.open(plain, "r+") as target:
        target.set_band_description(1, band.name)
        target.update_tags(**band.tags)
        if band.scale != 1:
            target.scales = (band.scale,)
        if band.palette:
            target.write_colormap(1, dict(band.palette))
