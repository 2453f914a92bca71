"""The stored values that become 0 and 255: of the whole scene, so that all of its windows agree.

They are the 2nd and the 98th percentile of a band's valid pixels. These are taken from the scene itself where it
is small, else from an overview, else from blocks on a lattice over all of it; never from a window.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Shaped

from pipeline.config import Reading
from pipeline.geometry.view import Range, View
from pipeline.raster.gdal.environment import Source, faults_as
from pipeline.raster.gdal.non_gdal import Area
from pipeline.raster.opening import opened
from pipeline.raster.view.overviews import smaller_pictures
from pipeline.raster.view.validity import read_bands

PERCENTILES = (2.0, 98.0)

_ENOUGH_PIXELS = 1 << 20
_FEW_PIXELS = 10_000  # so few say little of a large scene, where most has no data
_WHOLE_PIXELS = 1 << 22  # a scene, or an overview, that is no larger is sampled whole
_NOTHING = (0.0, 1.0)  # the range of a band without data
_LATTICE = 10  # a side
_SAMPLE_PX = 256
_STRIP_ROWS = 32


def with_value_ranges(view: View, reading: Reading) -> View:
    """Return the view with every range known; the same file always gives the same numbers.

    Raises:
        RasterError: the scene cannot be read.
    """
    ranges = list(view.ranges)
    for uri in dict.fromkeys(view.bands[index].uri for index in view.unmeasured):
        indices = [index for index in view.unmeasured if view.bands[index].uri == uri]
        with faults_as(f"cannot measure the values of {uri}"):
            found = _percentiles(uri, [view.bands[index].number for index in indices], reading)
        for index, limits in zip(indices, found, strict=True):
            ranges[index] = limits
    return replace(view, ranges=tuple(ranges), unmeasured=())


def _percentiles(uri: str, numbers: Sequence[int], reading: Reading) -> list[Range]:
    with opened(uri, reading) as source:
        overview = _overview(uri, source, numbers, reading)
    with opened(uri, reading, overview=overview) as source:
        parts = [read_bands(source, numbers, area=area, reading=reading) for area in sample_areas(source)]
        if sum(int(valid.sum()) for _, valid in parts) < _FEW_PIXELS * len(numbers):
            parts = list(_until_enough(source, numbers, reading))
    if not parts:
        return [_NOTHING] * len(numbers)
    return [
        _range(np.concatenate([stored[band][valid[band]] for stored, valid in parts]))
        for band in range(len(numbers))
    ]


def _range(values: Shaped[np.ndarray, "n"]) -> Range:
    """Return the percentiles of a band's valid pixels; nothing is stretched where all are one, or there are none."""
    finite = values[np.isfinite(values)].astype(np.float64)
    if not finite.size:
        return _NOTHING
    low, high = (float(value) for value in np.percentile(finite, PERCENTILES))
    return (low, high) if low < high else (low, low + 1.0)


def _overview(uri: str, source: Source, numbers: Sequence[int], reading: Reading) -> int | None:
    """Return the smallest overview that is large enough, or None where the scene is small or has none."""
    pixels = source.height * source.width
    if pixels <= _WHOLE_PIXELS:
        return None
    factors = source.overviews(numbers[0])
    enough = {index for index, factor in enumerate(factors) if pixels >= _ENOUGH_PIXELS * factor**2}
    found = [
        each.overview
        for each in smaller_pictures(uri, source, numbers, reading).alike
        if each.overview in enough
    ]
    return max(found, key=lambda index: factors[index], default=None)


def sample_areas(source: Source, *, per_side: int = _LATTICE) -> Iterator[Area]:
    """Yield what to sample: all of a small raster, else the beginnings of blocks on a lattice."""
    height, width = source.shape
    if height * width <= _WHOLE_PIXELS:
        yield (0, height), (0, width)
        return
    block_height, block_width = source.block_shapes[0]
    if block_width == width:  # a block is a strip: reading a part of it decodes all of it
        for row in _lattice(height, _STRIP_ROWS, block_height, per_side):
            yield (row, min(row + _STRIP_ROWS, height)), (0, width)
        return
    for row in _lattice(height, _SAMPLE_PX, block_height, per_side):
        for col in _lattice(width, _SAMPLE_PX, block_width, per_side):
            yield (row, min(row + _SAMPLE_PX, height)), (col, min(col + _SAMPLE_PX, width))


def _lattice(length: int, side: int, block: int, per_side: int) -> list[int]:
    """Return where samples begin, from the first block to the last, each at the beginning of a block."""
    last = max(0, length - side)
    return sorted({index * last // (per_side - 1) // block * block for index in range(per_side)})


def _until_enough(
    source: Source, numbers: Sequence[int], reading: Reading
) -> Iterator[tuple[Shaped[np.ndarray, "bands y x"], Bool[np.ndarray, "bands y x"]]]:
    """Sample from the top where the lattice met hardly any data, and stop when there is enough."""
    found = 0
    for row in range(0, source.height, _SAMPLE_PX):
        for col in range(0, source.width, _SAMPLE_PX * _LATTICE):
            ends = min(row + _SAMPLE_PX, source.height), min(col + _SAMPLE_PX * _LATTICE, source.width)
            area = (row, ends[0]), (col, ends[1])
            stored, valid = read_bands(source, numbers, area=area, reading=reading)
            if valid.any():
                yield stored, valid
                found += int(valid.sum())
            if found >= _ENOUGH_PIXELS:
                return
