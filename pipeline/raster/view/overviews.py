"""Overviews of a file that are its picture, only smaller, and without data where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from pipeline.config import Reading
from pipeline.raster.gdal.door import MaskFlags
from pipeline.raster.gdal.environment import Source
from pipeline.raster.gdal.non_gdal import Area, NonGdalRaster
from pipeline.raster.gdal.oriented import oriented
from pipeline.raster.opening import opened

_SAME = 0.01
_ROUNDED_PX = 2  # as far as the sides of overviews, halved again and again, are from what they should be
_AROUND_PX = 3  # of an overview, on each side of a pixel where its mask is compared
_LATTICE = 6  # a side
_SAMPLE_PX = 256
_WHOLE_PIXELS = 1 << 22  # a mask that is no larger is read whole
_SOME = 0.05  # a part of a sample that counts as a hole


class Smaller(NamedTuple):
    """An overview (from 0), and its rows and columns as the picture lies upright."""

    overview: int
    height: int
    width: int


class Overviews(NamedTuple):
    """Overviews that show what their file shows, the finest first, and how many more are without its no data."""

    alike: list[Smaller]
    unlike: int


class _Part(NamedTuple):
    """A part of a picture of any size, in fractions of its height and width."""

    top: float
    bottom: float
    left: float
    right: float

    def area(self, height: int, width: int) -> Area:
        """Return the pixels of this part, at least one."""
        top, left = int(self.top * height), int(self.left * width)
        return (top, max(top + 1, round(self.bottom * height))), (
            left,
            max(left + 1, round(self.right * width)),
        )


def smaller_pictures(
    uri: str, source: Source, numbers: Sequence[int], reading: Reading, *, orientation: int = 1
) -> Overviews:
    """Return the overviews of an open file whose bands ``numbers`` show what the file shows.

    Where the file has a mask, GDAL takes an overview that has none for valid all over: such a one is left out, and so
    is one of another shape, such as a slide's label, or of other no data values.
    """
    found, shaped = [], 0
    for overview in range(len(source.overviews(1))):
        with opened(uri, reading, overview=overview) as small:
            if not is_overview(*small.shape, height=source.height, width=source.width):
                continue
            shaped += 1
            if _says_the_same(source, small, numbers):
                found.append(Smaller(overview, *oriented(small, orientation).shape))
    masked = next((n for n in numbers if source.mask_flag_enums[n - 1] == [MaskFlags.per_dataset]), None)
    if found and masked is not None and not isinstance(source, NonGdalRaster):
        found = list(_with_its_mask(uri, source, masked, found, reading))
    return Overviews(found, shaped - len(found))


def is_overview(rows: int, cols: int, *, height: int, width: int) -> bool:
    """Tell whether ``rows`` and ``cols`` are of the raster of ``height`` and ``width``, only smaller.

    Slides keep pictures of their label and their box where overviews are, and GDAL takes them for such.
    """
    expected = height * cols / width
    return abs(rows - expected) <= _ROUNDED_PX + _SAME * expected


def _says_the_same(source: Source, small: Source, numbers: Sequence[int]) -> bool:
    """Tell whether an overview says of its bands what the file says: how they are without data."""
    if source.colorinterp != small.colorinterp:
        return False
    return all(
        source.mask_flag_enums[number - 1] == small.mask_flag_enums[number - 1]
        and str(source.nodatavals[number - 1]) == str(small.nodatavals[number - 1])  # NaN too
        for number in numbers
    )


def _with_its_mask(
    uri: str, source: Source, number: int, found: Sequence[Smaller], reading: Reading
) -> Iterator[Smaller]:
    """Yield the overviews whose mask is the file's, by a few parts that tell one from none."""

    def masked_fraction(one: Source, part: _Part) -> float:
        return float((one.read_masks(number, window=part.area(*one.shape)) == 0).mean())

    with opened(uri, reading, overview=found[-1].overview) as smallest:
        parts = list(_telling(smallest, number))
    if not any(masked_fraction(source, part) > _SOME for part in parts):
        parts += _first_hole(source, masked_fraction)
    true = [masked_fraction(source, part) for part in parts]
    for each in found:
        with opened(uri, reading, overview=each.overview) as small:
            masked_fractions = [masked_fraction(small, part) for part in parts]
        if all(
            abs(one - other) <= max(one, other) / 2 for one, other in zip(true, masked_fractions, strict=True)
        ):
            yield each


def _telling(small: Source, number: int) -> Iterator[_Part]:
    """Yield a part of a small picture that its mask leaves out and one that it has, where there are such."""
    height, width = small.shape
    if height * width > _WHOLE_PIXELS:
        return
    mask = small.read_masks(number, window=((0, height), (0, width))) == 0
    for wanted in (mask, ~mask):
        pixel = _inmost(wanted)
        if pixel is not None:
            (top, bottom), (left, right) = (
                (max(0, at - _AROUND_PX), min(length, at + _AROUND_PX + 1))
                for at, length in zip(pixel, small.shape, strict=True)
            )
            yield _Part(top / height, bottom / height, left / width, right / width)


def _inmost(wanted: Bool[np.ndarray, "y x"]) -> tuple[int, int] | None:
    """Return a wanted pixel far from others: the middle of the longest run in the row that has most of them."""
    row = int(wanted.sum(axis=1).argmax())
    steps = np.diff(wanted[row].astype(np.int8), prepend=0, append=0)
    begins, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    if not len(begins):
        return None
    longest = int((ends - begins).argmax())
    return row, int(begins[longest] + ends[longest] - 1) // 2


def _first_hole(source: Source, masked_fraction: Callable[[Source, _Part], float]) -> list[_Part]:
    """Search for a part that a mask leaves out, on a lattice over all of the picture with its corners."""
    high, wide = (min(1.0, _SAMPLE_PX / length) for length in source.shape)
    for row, col in product(range(_LATTICE), repeat=2):
        top, left = (1 - high) * row / (_LATTICE - 1), (1 - wide) * col / (_LATTICE - 1)
        part = _Part(top, top + high, left, left + wide)
        if masked_fraction(source, part) > _SOME:
            return [part]
    return []
