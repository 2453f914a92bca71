"""Write a Cloud Optimized GeoTIFF window by window, in flat memory.

GDAL's driver of that name copies a raster that is whole, so a plain GeoTIFF is written first, in a hidden folder beside
the path, which is removed once it has been copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
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
    whole = Path(path)
    whole.parent.mkdir(parents=True, exist_ok=True)
    # GDAL, too, has a file of its own beside the one that it makes.
    with TemporaryDirectory(prefix=f".{whole.name}.", dir=whole.parent) as folder:
        plain, copied = Path(folder) / "plain.tif", Path(folder) / whole.name
        with create(
            str(plain),
            height=header.height,
            width=header.width,
            bands=1,
            crs=header.crs_wkt,
            transform=header.transform,
            dtype=header.dtype,
            nodata=header.nodata,
            zlevel=1,  # it is read once
        ) as target:
            yield target
        with environment(), faults_as(f"cannot finish {path}"):
            _describe(plain, band)
            copy(plain, copied, driver="COG", OVERVIEW_RESAMPLING=band.resampling, **_OPTIONS)
        copied.replace(whole)


def _describe(plain: Path, band: BandDescription) -> None:
    with rasterio.open(plain, "r+") as target:
        target.set_band_description(1, band.name)
        target.update_tags(**band.tags)
        if band.scale != 1:
            target.scales = (band.scale,)
        if band.palette:
            target.write_colormap(1, dict(band.palette))
