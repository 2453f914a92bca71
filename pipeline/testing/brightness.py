"""A segmenter without a network: a pixel's class is the brightness of its surroundings.

It looks exactly ``halo_px`` far, so a halo that is too small, misplaced or taken from the wrong pixels
shows in its masks; and its arithmetic is of integers, so its masks are the same on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from pipeline.segment import SCORE_MAX, Arrays, Labels, class_dtype

_LEVELS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class BrightnessSegmenter:
    """Fulfils ``pipeline.segment.Segmenter``: ids 0 (darkest) to ``n_classes`` (brightest), evenly spaced.

    The score is the mean of red, green and blue over a box of ``2 * halo_px + 1`` pixels a side, one less where it
    is 255; the margin how far it lies above the lower bound of its class.
    """

    core_px: int
    halo_px: int
    n_classes: int
    chips_per_call: int = 4

    def propose(self, chips: UInt8[np.ndarray, "b y x 3"], /) -> dict[str, UInt8[np.ndarray, "b y x"]]:
        """Return as ``brightness`` the mean of the box around each pixel; beyond the chip its edge is repeated."""
        box = 2 * self.halo_px + 1
        grey = chips.sum(axis=-1, dtype=np.int64)
        around = ((0, 0), (self.halo_px, self.halo_px), (self.halo_px, self.halo_px))
        padded = np.pad(grey, around, mode="edge")
        sums = np.pad(padded.cumsum(axis=1).cumsum(axis=2), ((0, 0), (1, 0), (1, 0)))
        lower, upper = slice(None, -box), slice(box, None)
        bands = sums[:, upper] - sums[:, lower]
        box_sums = bands[:, :, upper] - bands[:, :, lower]
        return {"brightness": (box_sums // (3 * box**2)).astype(np.uint8)}

    def label(self, arrays: Arrays, /) -> Labels:
        """Return class ids, scores and margins of whole chips by their ``brightness``."""
        mean = arrays["brightness"].astype(np.int64)
        ids = mean * (self.n_classes + 1) // _LEVELS
        lowest = -(-ids * _LEVELS // (self.n_classes + 1))
        score = np.minimum(mean, SCORE_MAX)
        return (
            ids.astype(class_dtype(self.n_classes)),
            score.astype(np.uint8),
            np.maximum(score - lowest, 0).astype(np.uint8),
        )

    def weights(self) -> dict[str, np.ndarray]:
        """Return the arrays from which ``make_brightness`` makes this segmenter again."""
        names = ("core_px", "halo_px", "n_classes", "chips_per_call")
        return {name: np.array(getattr(self, name)) for name in names}


def make_brightness(weights: Mapping[str, np.ndarray]) -> BrightnessSegmenter:
    """Make a segmenter of its weights, as a worker does."""
    return BrightnessSegmenter(**{name: int(value) for name, value in weights.items()})
