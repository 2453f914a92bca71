"""Another ground size: pixels of a coarser or finer grid, each from its own position in the scene alone.

Both grids begin at the scene's upper left corner. A coarser pixel is the mean of what it covers, a finer one lies
on the line between the two nearest; rows and columns are treated apart, always in the same order, so that a pixel's
bits do not depend on the window it is read in.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8

_MOSTLY = 0.5  # a pixel is valid where at least so much of what it covers is


class Taps(NamedTuple):
    """For each pixel along an axis the source pixels it is made of, and how much of each, in source pixels."""

    sources: Int64[np.ndarray, "n taps"]
    weights: Float64[np.ndarray, "n taps"]

    @property
    def start(self) -> int:
        """The first source pixel that is needed."""
        return int(self.sources.min())

    @property
    def end(self) -> int:
        """The first source pixel behind the last one that is needed."""
        return int(self.sources.max()) + 1


def taps(start: int, end: int, *, step: float | int, length: int) -> Taps:
    """Return what the pixels ``start .. end`` are made of, each ``step`` of the ``length`` source pixels wide.

    Law: the weights of a pixel that lies inside the source add up to ``step`` (1 where ``step`` is below).
    """
    pixels = np.arange(start, end, dtype=np.float64)[:, None]
    if step < 1:
        centre = (pixels + 0.5) * step - 0.5
        sources = np.floor(centre) + np.arange(2)
        weights = 1 - np.abs(sources - centre)
    else:
        sources = np.floor(pixels * step) + np.arange(int(np.ceil(step)) + 1)
        upper = np.minimum(np.minimum(sources + 1, (pixels + 1) * step), length)
        weights = np.maximum(upper - np.maximum(sources, pixels * step), 0)
    return Taps(sources.clip(0, length - 1).astype(np.int64), weights)


def resample(
    pixels: UInt8[np.ndarray, "y x 3"], valid: Bool[np.ndarray, "y x"], *, rows: Taps, cols: Taps
) -> tuple[UInt8[np.ndarray, "v u 3"], Bool[np.ndarray, "v u"]]:
    """Return red, green and blue of the new pixels, as means of what is valid, and where they are valid.

    ``pixels`` begin at ``rows.start`` and ``cols.start``.
    """
    weights = valid[..., None].astype(np.float32)
    sums = np.concatenate([pixels * weights, weights], axis=-1)
    for axis, one in enumerate((rows, cols)):
        sums = _summed(sums, one, axis=axis)
    whole = np.outer(rows.weights.sum(axis=1), cols.weights.sum(axis=1))
    covered = sums[..., 3]
    means = sums[..., :3] / np.maximum(covered, np.finfo(np.float32).tiny)[..., None]
    return np.rint(means).clip(0, 255).astype(np.uint8), covered >= _MOSTLY * whole


def _summed(values: Float32[np.ndarray, "y x 4"], one: Taps, *, axis: int) -> Float32[np.ndarray, "v u 4"]:
    shape = [1, 1, 1]
    shape[axis] = -1
    total: np.ndarray | None = None
    for tap in range(one.sources.shape[1]):
        part = values.take(one.sources[:, tap] - one.start, axis=axis)
        part *= one.weights[:, tap].astype(np.float32).reshape(shape)
        total = part if total is None else np.add(total, part, out=total)
    assert total is not None  # noqa: S101 - a pixel is made of something
    return total
