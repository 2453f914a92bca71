"""Read a scene's header and its windows."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Integer, UInt8
from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader

from pipeline import objects
from pipeline.chips import FILL
from pipeline.errors import PipelineError, RasterError
from pipeline.raster.gdal import faults_as, opened
from pipeline.scene import Header, Input
from pipeline.window import Window

_RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)


def read_header(uri: str) -> Header:
    """Return what the raster at ``uri`` says of itself.

    Raises:
        RasterError: it cannot be opened as a raster.
    """
    with opened(uri) as source, faults_as(f"cannot read the header of {uri}"):
        return Header(
            height=source.height,
            width=source.width,
            bands=source.count,
            dtype=source.dtypes[0],
            crs_wkt=source.crs.to_wkt() if source.crs else None,
            transform=tuple(source.transform)[:6],
            nodata=None if source.nodata is None else float(source.nodata),
        )


def read_input(uri: str) -> Input:
    """Return the size and etag of the file at ``uri``, without opening it as a raster.

    Raises:
        RasterError: there is none, or the storage refused.
    """
    try:
        return Input(*objects.info(uri))
    except FileNotFoundError as error:
        raise RasterError(f"{uri} does not exist") from error
    except PipelineError as error:
        raise RasterError(str(error)) from error


def read(uri: str, window: Window) -> tuple[UInt8[np.ndarray, "y x 3"], Bool[np.ndarray, "y x"]]:
    """Read a window as red, green, blue, and where it has data.

    The bands are those declared red, green and blue, else the first three, else the first one thrice. A
    pixel is valid inside the scene where a band read is not nodata, the file's mask is set, and its alpha
    is above zero. ``window`` may reach outside the scene; pixels that are not valid are ``FILL``.

    Raises:
        RasterError: the scene cannot be opened, its bands are not uint8, or the window cannot be read.
    """
    pixels = np.full((*window.shape, 3), FILL, np.uint8)
    valid = np.zeros(window.shape, np.bool_)
    with opened(uri) as source:
        bands = _rgb_bands(source, uri)
        inside = window.intersection(Window(0, 0, source.height, source.width))
        if inside is not None:
            # GDAL is asked for what exists and no more: rasterio's boundless reads go through a virtual
            # raster, are slow, and are wrong beside masks and overviews.
            with faults_as(f"cannot read {_described(inside)} of {uri}"):
                found, found_valid = _read_inside(source, bands, inside)
            place = inside.slices_in(window)
            valid[place] = found_valid
            np.copyto(pixels[place], found, where=found_valid[..., None])
    return pixels, valid


def read_levels(uri: str, window: Window) -> Integer[np.ndarray, "y x *c"]:
    """Read a window of a raster of labels as it is stored, without a scale: whole numbers, or red, green, blue.

    Of a raster of three bands and more the first three, (y, x, 3), else the first, (y, x). ``window`` lies inside it.

    Raises:
        RasterError: the raster cannot be opened or read, or its pixels are no whole numbers.
    """
    with opened(uri) as source, faults_as(f"cannot read {_described(window)} of {uri}"):
        area = ((window.row_off, window.row_end), (window.col_off, window.col_end))
        found = source.read([1, 2, 3] if source.count >= len(_RGB) else 1, window=area)
    if not np.issubdtype(found.dtype, np.integer):
        raise RasterError(f"labels are whole numbers, and {uri} has pixels of {found.dtype}")
    levels: np.ndarray = np.moveaxis(found, 0, -1) if found.ndim > 2 else found  # noqa: PLR2004 -- has bands
    return levels


def _read_inside(
    source: DatasetReader, bands: list[int], window: Window
) -> tuple[UInt8[np.ndarray, "y x 3"], Bool[np.ndarray, "y x"]]:
    area = ((window.row_off, window.row_end), (window.col_off, window.col_end))
    pixels = np.moveaxis(source.read(bands, window=area), 0, -1)
    valid = source.read_masks(sorted(set(bands)), window=area).any(axis=0)
    for band, meaning in enumerate(source.colorinterp, start=1):
        if meaning is ColorInterp.alpha:  # GDAL's masks forget alpha where there is a nodata value too
            valid &= source.read(band, window=area) > 0
    return pixels, valid


def _rgb_bands(source: DatasetReader, uri: str) -> list[int]:
    """Return the numbers (from 1) of the three bands to read."""
    meanings = list(source.colorinterp)
    if all(meanings.count(colour) == 1 for colour in _RGB):
        bands = [meanings.index(colour) + 1 for colour in _RGB]
    else:
        data = [band for band, meaning in enumerate(meanings, start=1) if meaning is not ColorInterp.alpha]
        bands = data[:3] if len(data) >= len(_RGB) else (data or [1])[:1] * 3
    unsupported = {source.dtypes[band - 1] for band in bands} - {"uint8"}
    if unsupported:
        raise RasterError(
            f"{uri} has pixels of {', '.join(sorted(unsupported))}, and only uint8 is supported so far: "
            "scale it to 0..255 first, for example by `gdal_translate -ot Byte -scale`"
        )
    return bands


def _described(window: Window) -> str:
    return f"rows {window.row_off}..{window.row_end} and columns {window.col_off}..{window.col_end}"
