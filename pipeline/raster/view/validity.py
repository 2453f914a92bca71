"""Where a file has data: by its no data values, its masks and its alpha."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Shaped

from pipeline.config import Reading
from pipeline.raster.gdal.door import ColorInterp, MaskFlags, WarpedVRT
from pipeline.raster.gdal.environment import Source
from pipeline.raster.gdal.non_gdal import Area, NonGdalRaster

Nodata = float | int | str | None
"""What the user says instead of a file's no data value; "none": every value is data; None: what the file says."""

_EXACT_BYTES = 4  # whole numbers this wide have no data values that a float holds
_NEAR = 2 * np.finfo(np.float32).eps  # as far from a float's no data value, relatively, as GDAL takes for it


def alpha_bands(source: Source, reading: Reading) -> list[int]:
    """Return the numbers of the bands that are a mask by being alpha: none of the file's where the user says so."""
    found = [band for band, meaning in enumerate(source.colorinterp, 1) if meaning is ColorInterp.alpha]
    if reading.alpha is None:
        return found
    own = source.src_dataset.count if isinstance(source, WarpedVRT) else source.count
    return [band for band in found if band > own]  # what warping has added


def reasons(source: Source, numbers: Sequence[int], reading: Reading) -> tuple[str, ...]:
    """Say in words by what pixels of these bands can be without data; nothing where all are data."""
    nodata = reading.nodata
    found: dict[str, None] = {}
    for number in numbers:
        flags = source.mask_flag_enums[number - 1]
        if _is_mask(flags) and MaskFlags.nodata not in flags:
            found["mask"] = None
        elif MaskFlags.nodata in flags and nodata is None:
            found[_of_file(source, number)] = None
        if source.dtypes[number - 1].startswith("float"):
            found["nan"] = None
    if isinstance(nodata, int | float):
        found[f"nodata {_said(nodata)} (asked)"] = None
    if set(alpha_bands(source, reading)) - set(numbers):
        found["alpha"] = None
    return tuple(found)


def _of_file(source: Source, number: int) -> str:
    """Name a band's own no data value, as far as rasterio tells it."""
    if MaskFlags.per_dataset in source.mask_flag_enums[number - 1]:
        return f"nodata {source.tags().get('NODATA_VALUES')} in all bands"
    value = source.nodatavals[number - 1]
    return "nodata of 64 bits" if value is None else f"nodata {_said(value)}"


def _said(value: float | int) -> str:
    """Write a number as people do.

    >>> _said(-9999.0), _said(2**63 - 1), _said(1e20)
    ('-9999', '9223372036854775807', '1e+20')
    """
    return str(value) if isinstance(value, int) else f"{value:g}"


def read_bands(
    source: Source, numbers: Sequence[int], *, area: Area, reading: Reading
) -> tuple[Shaped[np.ndarray, "bands y x"], Bool[np.ndarray, "bands y x"]]:
    """Read bands as they are stored, and where each has data, alpha above zero included.

    A band of alpha that is itself among those to read is no mask.
    """
    alpha = [band for band in alpha_bands(source, reading) if band not in numbers]
    found = source.read([*numbers, *alpha], window=area)  # at once: no block is fetched or decoded twice
    stored, opacity = found[: len(numbers)], found[len(numbers) :]
    valid = valid_bands(source, numbers, stored, area=area, nodata=reading.nodata)
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
    (NaN) is never data. Alpha is left out.
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
    stated = MaskFlags.nodata in flags and nodata is None
    own = source.nodatavals[number - 1] if stated else None
    representable = values.dtype.kind not in "iu" or values.dtype.itemsize <= _EXACT_BYTES
    exact = own is not None and (representable or isinstance(source, NonGdalRaster))
    valid = np.ones(values.shape, np.bool_)
    if (_is_mask(flags) and _counts(flags, nodata)) or (stated and not exact):
        valid &= source.read_masks(number, window=area) > 0
    elif own is not None:
        valid &= _differs(values, own)
    if isinstance(nodata, int | float) and may_hold(values.dtype, nodata):
        valid &= _differs(values, nodata)
    if np.issubdtype(values.dtype, np.inexact):
        valid &= ~np.isnan(values)
    return valid


def _is_mask(flags: Sequence[MaskFlags]) -> bool:
    """Tell whether there is one mask for all bands that is not alpha."""
    return MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags


def _counts(flags: Sequence[MaskFlags], nodata: Nodata) -> bool:
    """Tell whether a mask of the dataset is asked: one that GDAL makes of no data values is not, beside the user's."""
    return MaskFlags.nodata not in flags or nodata is None


def may_hold(dtype: str | np.dtype[Any], value: float | int) -> bool:
    """Tell whether the user's value may stand in a band.

    >>> may_hold("uint8", 2.5), may_hold("uint8", 255), may_hold("int64", 2**63), may_hold("float32", 2.5)
    (False, True, False, True)
    """
    if np.dtype(dtype).kind not in "iu":
        return True
    info = np.iinfo(dtype)
    return bool(info.min <= value <= info.max and value == int(value))


def _differs(values: Shaped[np.ndarray, "y x"], without: float | int) -> Bool[np.ndarray, "y x"]:
    """Tell where values are not the one without data, as GDAL compares: floats by nearness, whole numbers cut off."""
    if np.issubdtype(values.dtype, np.floating):
        with np.errstate(all="ignore"):  # it may be beyond what a band holds
            value = values.dtype.type(without)
            near = np.abs(values - value) < values.dtype.type(_NEAR) * np.abs(values + value)
        return np.asarray((values != value) & ~near)
    info = np.iinfo(values.dtype)
    if not info.min <= without <= info.max:
        return np.ones(values.shape, np.bool_)  # a value that the band cannot hold
    return np.asarray(values != values.dtype.type(int(without)))
