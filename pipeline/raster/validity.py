"""Where a file has data: by its no data values, its masks and its alpha."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Shaped
from rasterio.enums import ColorInterp, MaskFlags

from pipeline.raster.foreign import Area
from pipeline.raster.gdal import Source

Nodata = float | int | str | None
"""What the user says in place of a file's no data value; "none": every value is data; None: what the file says."""


def alpha_bands(source: Source) -> list[int]:
    """Return the numbers of the bands of alpha."""
    return [band for band, meaning in enumerate(source.colorinterp, 1) if meaning is ColorInterp.alpha]


def reasons(source: Source, numbers: Sequence[int], nodata: Nodata) -> tuple[str, ...]:
    """Say in words by what pixels of these bands can be without data; nothing where all are data."""
    found: dict[str, None] = {}
    for number in numbers:
        flags = source.mask_flag_enums[number - 1]
        if MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags and MaskFlags.nodata not in flags:
            found["mask"] = None
        elif MaskFlags.nodata in flags and nodata is None:
            found[f"nodata {source.nodatavals[number - 1]:g}"] = None
        if source.dtypes[number - 1].startswith("float"):
            found["nan"] = None
    if isinstance(nodata, int | float):
        found[f"nodata {nodata:g} (asked)"] = None
    if alpha_bands(source):
        found["alpha"] = None
    return tuple(found)


def read_bands(
    source: Source, numbers: Sequence[int], *, area: Area, nodata: Nodata
) -> tuple[Shaped[np.ndarray, "bands y x"], Bool[np.ndarray, "bands y x"]]:
    """Read bands as they are stored, and where each has data, alpha above zero included."""
    alpha = alpha_bands(source)
    found = source.read([*numbers, *alpha], window=area)  # at once: no block is fetched or decoded twice
    stored, opacity = found[: len(numbers)], found[len(numbers) :]
    valid = valid_bands(source, numbers, stored, area=area, nodata=nodata)
    return stored, valid & (opacity > 0).all(axis=0)


def valid_bands(
    source: Source,
    numbers: Sequence[int],
    stored: Shaped[np.ndarray, "bands y x"],
    *,
    area: Area,
    nodata: Nodata,
) -> Bool[np.ndarray, "bands y x"]:
    """Return where bands that were read from ``area`` have data by their no data values and by the file's mask.

    A mask inside or beside the file counts before the file's no data value, as for GDAL. What is no number
    (NaN) is never data. Alpha is not looked at.
    """
    return np.stack(
        [
            _valid(source, number, values, area=area, nodata=nodata)
            for number, values in zip(numbers, stored, strict=True)
        ]
    )


def _valid(
    source: Source, number: int, values: Shaped[np.ndarray, "y x"], *, area: Area, nodata: Nodata
) -> Bool[np.ndarray, "y x"]:
    flags = source.mask_flag_enums[number - 1]
    valid = np.ones(values.shape, np.bool_)
    if MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags and _counts(flags, nodata):
        valid &= source.read_masks(number, window=area) > 0
    without = source.nodatavals[number - 1] if nodata is None and MaskFlags.nodata in flags else nodata
    if isinstance(without, int | float):
        valid &= _differs(values, float(without))
    if np.issubdtype(values.dtype, np.inexact):
        valid &= ~np.isnan(values)
    return valid


def _counts(flags: Sequence[MaskFlags], nodata: Nodata) -> bool:
    """Tell whether a mask of the dataset is asked: one that GDAL makes of no data values is not, beside the user's."""
    return MaskFlags.nodata not in flags or nodata is None


def _differs(values: Shaped[np.ndarray, "y x"], without: float) -> Bool[np.ndarray, "y x"]:
    if np.issubdtype(values.dtype, np.floating):
        return np.asarray(values != values.dtype.type(without))
    info = np.iinfo(values.dtype)
    if not info.min <= without <= info.max or without != int(without):
        return np.ones(values.shape, np.bool_)  # a value that the band cannot hold
    return np.asarray(values != values.dtype.type(int(without)))
