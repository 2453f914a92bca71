"""Write a raster window by window, in flat memory."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import rasterio
from jaxtyping import Shaped
from rasterio.io import DatasetWriter

from pipeline.geometry.window import Window
from pipeline.raster.gdal.environment import environment, faults_as

_BLOCK_PX = 512
_RGB_BANDS = 3


class RasterWriter:
    """A raster being written: each ``write`` goes to the file, as GDAL's small cache fills."""

    def __init__(self, target: DatasetWriter, path: str) -> None:
        self._target = target
        self._path = path

    def write(self, array: Shaped[np.ndarray, "y x bands"], window: Window) -> None:
        """Write the pixels of ``window``, which lies inside the raster.

        Raises:
            ValueError: the array is not of the window's pixels and the raster's bands.
            RasterError: GDAL or the disk refused.
        """
        expected = (*window.shape, self._target.count)
        if array.shape != expected:
            raise ValueError(f"{window!r} takes an array of {expected}, got {array.shape}")
        area = ((window.row_off, window.row_end), (window.col_off, window.col_end))
        with faults_as(f"cannot write {window!r} of {self._path}"):
            self._target.write(np.moveaxis(array, -1, 0), window=area)


@contextmanager
def create(  # noqa: PLR0913 - what a raster is; each by its name
    path: str,
    *,
    height: int,
    width: int,
    bands: int,
    crs: str | None,
    transform: tuple[float, float, float, float, float, float],
    dtype: str = "uint8",
    nodata: float | None = None,
    zlevel: int = 6,
) -> Iterator[RasterWriter]:
    """Create a GeoTIFF at a local ``path`` of 512 px blocks; it appears there whole, on success.

    ``crs`` is anything GDAL knows a reference system by (WKT, ``EPSG:32633``), ``transform`` as in
    ``Header``. Write windows of whole blocks, or blocks are compressed more than once, each by DEFLATE of ``zlevel``.

    Raises:
        RasterError: GDAL or the disk refused.
    """
    partial = Path(path).with_name(f".{Path(path).name}.{uuid.uuid4().hex}.tif")
    partial.parent.mkdir(parents=True, exist_ok=True)
    profile = {
        "driver": "GTiff",
        "height": height,
        "width": width,
        "count": bands,
        "dtype": dtype,
        "crs": crs,
        "transform": rasterio.Affine(*transform),
        "nodata": nodata,
        "tiled": True,
        "blockxsize": _BLOCK_PX,
        "blockysize": _BLOCK_PX,
        "compress": "deflate",
        "zlevel": zlevel,
        "BIGTIFF": "IF_SAFER",
    }
    if bands >= _RGB_BANDS:
        profile["photometric"] = "RGB"  # said outright, else GDAL takes a fourth band for alpha
    try:
        with environment():
            with faults_as(f"cannot create {path}"):
                target = rasterio.open(partial, "w", **profile)
            try:
                yield RasterWriter(target, path)
            finally:
                with faults_as(f"cannot finish {path}"):
                    target.close()
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
