"""Which bands of a file are red, green and blue, and how what is stored becomes 8 bits of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Shaped, UInt8

from pipeline.errors import RasterError
from pipeline.geometry.view import Colours, View
from pipeline.raster.gdal.door import ColorInterp
from pipeline.raster.gdal.environment import Source

_RGB = ("red", "green", "blue")
_INKS = ("cyan", "magenta", "yellow", "black")
_SENTINEL_2 = ("b04", "b03", "b02")
_TABLE_BYTES = 2  # whole numbers this wide have few enough values for a table
_ROWS_AT_ONCE = 128
_NOT_COLOURS = {"edge", "rededge"}  # "red edge" is an infrared


class Choice(NamedTuple):
    """The numbers (from 1) of the bands to read, what they are, and what to tell the user of it."""

    numbers: list[int]
    colours: Colours
    warnings: list[str]


def choose_bands(source: Source, asked: Sequence[int] | None, *, uri: str) -> Choice:
    """Choose the bands of a file: those asked for, else what it declares, else what it describes, else the first.

    Raises:
        RasterError: it has not the bands that were asked for.
    """
    if asked is not None:
        if max(asked) > source.count:
            raise RasterError(f"{uri} has {source.count} bands, and bands asks for {max(asked)}")
        return Choice(
            list(asked), "rgb" if len(asked) == len(_RGB) else _grey_or_palette(source, asked[0]), []
        )
    declared = [meaning.name for meaning in source.colorinterp]
    described = [_words(text or "") for text in source.descriptions]
    for names in (_RGB, _INKS):
        if all(declared.count(name) == 1 for name in names):
            return Choice(
                [declared.index(name) + 1 for name in names], "rgb" if names is _RGB else "cmyk", []
            )
    for names in (_RGB, _SENTINEL_2):
        found = [_where(described, name) for name in names]
        if all(len(indices) == 1 for indices in found):
            return Choice([indices[0] for indices in found], "rgb", [])
    return _first(source)


def _first(source: Source) -> Choice:
    """Take the first three bands of data, or the first one for all three."""
    data = [band for band, meaning in enumerate(source.colorinterp, 1) if meaning is not ColorInterp.alpha]
    if len(data) < len(_RGB):
        first = (data or [1])[0]
        warnings = [] if len(data) == 1 else [f"band {first} of {source.count} is taken for grey: see bands"]
        return Choice([first], _grey_or_palette(source, first), warnings)
    text = f"no band says that it is red, green or blue: bands {', '.join(map(str, data[:3]))} are taken, see bands"
    return Choice(data[:3], "rgb", [text] if len(data) > len(_RGB) else [])


def _grey_or_palette(source: Source, band: int) -> Colours:
    return "palette" if source.colorinterp[band - 1] is ColorInterp.palette else "grey"


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+[0-9]*|[0-9]+", text.lower()))


def _where(described: Sequence[set[str]], name: str) -> list[int]:
    return [band for band, words in enumerate(described, 1) if name in words and not words & _NOT_COLOURS]


def to_rgb(
    stored: Sequence[Shaped[np.ndarray, "y x"]], view: View, palette: UInt8[np.ndarray, "n 4"] | None
) -> tuple[UInt8[np.ndarray, "y x 3"], Bool[np.ndarray, "y x"]]:
    """Return red, green and blue of the view's bands as stored, and where their colour is no transparent one."""
    if palette is not None:
        colours = palette[np.clip(stored[0], 0, len(palette) - 1)]
        return colours[..., :3], colours[..., 3] > 0
    levels = [
        band if limits is None else scaled(band, *limits)
        for band, limits in zip(stored, view.ranges, strict=True)
    ]
    levels = [255 - level if index in view.inverted else level for index, level in enumerate(levels)]
    if view.colours == "cmyk":
        light = 255 - levels[3].astype(np.uint16)
        levels = [((255 - ink.astype(np.uint16)) * light // 255).astype(np.uint8) for ink in levels[:3]]
    return np.stack(levels if len(levels) > 1 else levels * 3, axis=-1), np.ones(levels[0].shape, np.bool_)


def scaled(stored: Shaped[np.ndarray, "y x"], low: float, high: float) -> UInt8[np.ndarray, "y x"]:
    """Map ``low``..``high`` to 0..255, rounded; what lies outside is 0 or 255, and what is no number 0."""
    if stored.dtype.kind in "iu" and stored.dtype.itemsize <= _TABLE_BYTES:
        unsigned = np.dtype(f"u{stored.dtype.itemsize}")
        patterns = np.arange(np.iinfo(unsigned).max + 1, dtype=unsigned)
        table = _scaled(patterns.view(stored.dtype), low, high)
        return np.asarray(table[stored.view(unsigned)])
    levels = np.empty(stored.shape, np.uint8)
    for start in range(
        0, len(stored), _ROWS_AT_ONCE
    ):  # in double precision: eight times the pixels' own memory
        rows = slice(start, start + _ROWS_AT_ONCE)
        levels[rows] = _scaled(stored[rows], low, high)
    return levels


def _scaled(stored: Shaped[np.ndarray, "*any"], low: float, high: float) -> UInt8[np.ndarray, "*any"]:
    with np.errstate(invalid="ignore", over="ignore"):
        levels = (stored.astype(np.float64) - low) * (255 / (high - low))
        rounded: np.ndarray = np.nan_to_num(np.rint(levels).clip(0, 255), nan=0.0)
        return rounded.astype(np.uint8)


def inverted_indices(source: Source, choice: Choice) -> tuple[int, ...]:
    """Return the indices of bands whose lowest value is white: all of a TIFF whose photometric interpretation is so.

    A colour table, such as GDAL makes of one bit, already says what is white.
    """
    low = source.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES"
    return tuple(range(len(choice.numbers))) if low and choice.colours in ("grey", "rgb") else ()


def palette_of(source: Source, band: int) -> UInt8[np.ndarray, "n 4"]:
    """Return the colour table of a band: red, green, blue and alpha by number; what it leaves out is transparent."""
    entries = source.colormap(band)
    table = np.zeros((max(entries) + 1, 4), np.uint8)
    for number, colour in entries.items():
        table[number] = colour
    return table
