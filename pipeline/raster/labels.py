"""Rasters of labels, exactly as they are stored: no stretch, no colours made of numbers, nothing turned."""

from __future__ import annotations

import numpy as np
from jaxtyping import Integer, Num, UInt8

from pipeline.config import PLAIN, Reading
from pipeline.errors import RasterError
from pipeline.geometry.window import Window
from pipeline.raster.gdal.door import ColorInterp
from pipeline.raster.gdal.environment import Source, faults_as
from pipeline.raster.opening import opened
from pipeline.raster.view.colours import palette_of

_RGB_BANDS = 3


def read_integers(
    uri: str, window: Window | None = None, *, reading: Reading = PLAIN
) -> Integer[np.ndarray, "y x *c"]:
    """Read whole numbers, such as ids and numbers of a colour table, of a window inside a raster or of all of it.

    Of a raster of three bands and more the first three, (y, x, 3), else the first, (y, x).

    Raises:
        RasterError: the raster cannot be opened or read, or its pixels are no whole numbers.
    """
    with opened(uri, reading) as source, faults_as(f"cannot read the labels of {uri}"):
        colours = source.count >= _RGB_BANDS
        found = _read(source, [1, 2, 3] if colours else [1], window)
    if not np.issubdtype(found.dtype, np.integer):
        raise RasterError(f"labels are whole numbers, and {uri} has pixels of {found.dtype}")
    return np.moveaxis(found, 0, -1) if colours else found[0]


def read_colours(
    uri: str, window: Window | None = None, *, reading: Reading = PLAIN
) -> UInt8[np.ndarray, "y x 3"]:
    """Read red, green and blue as they are stored, or by the colour table, of a window or of all of a raster.

    Raises:
        RasterError: the raster cannot be opened or read, or its colours are not of 8 bits.
    """
    with opened(uri, reading) as source, faults_as(f"cannot read the labels of {uri}"):
        if source.dtypes[0] != "uint8":
            raise RasterError(f"colours of labels have 8 bits, and {uri} has pixels of {source.dtypes[0]}")
        if source.count >= _RGB_BANDS:
            return np.moveaxis(_read(source, [1, 2, 3], window), 0, -1)
        stored = _read(source, [1], window)[0]
        if source.colorinterp[0] is ColorInterp.palette:
            table = palette_of(source, 1)
            return np.asarray(table[stored.clip(max=len(table) - 1), :3])
    return np.stack([stored] * _RGB_BANDS, axis=-1)


def _read(source: Source, numbers: list[int], window: Window | None) -> Num[np.ndarray, "bands y x"]:
    area = window or Window(0, 0, *source.shape)
    found: np.ndarray = source.read(
        numbers, window=((area.row_off, area.row_end), (area.col_off, area.col_end))
    )
    return found
