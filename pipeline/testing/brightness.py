"""A segmenter without a network: a pixel's class is the brightness of its surroundings.

Its proposals look exactly ``reach_px`` far, and each chip weighs its own by how bright it is as a whole, so chips that
are misplaced, taken from the wrong pixels or blended wrongly show in its labels. Its arithmetic is of integers but for
directions, so its labels are the same on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int32, Int64, UInt8

from pipeline.segment import SCORE_MAX, WEIGHT_MAX, Arrays, Labels, class_dtype

_LEVELS = 256
EMBEDDING_LENGTH = 16  # bits of a class id, each a component of its query's direction


@dataclass(frozen=True, slots=True, kw_only=True)
class BrightnessSegmenter:
    """Fulfils ``pipeline.segment.Segmenter``: ids 0 (darkest) to ``n_classes`` (brightest), evenly spaced.

    A chip has a query of each class. The brightness of a place is the mean of red, green and blue over a box of
    ``2 * reach_px + 1`` pixels a side around its middle; the class in whose middle it lies has all of the place's
    weight, else the two nearest ones divide it. A black chip's weights are half of what a white one's are.
    """

    chip_px: int
    step_px: int
    reach_px: int
    n_classes: int
    stride_px: int = 4
    chips_per_call: int = 4

    def propose(self, chips: UInt8[np.ndarray, "b y x 3"], /) -> dict[str, np.ndarray]:
        """Return two queries of each place, and as features of each whether it is dark or bright."""
        bright = self._brightness(chips)
        lower, above = self._levels(bright)
        upper = np.minimum(lower + 1, self.n_classes)
        trust = 255 + chips.mean(axis=(1, 2, 3)).astype(np.int64)[:, None, None]  # of 510
        parts = (2 * _LEVELS - above, above)
        weight = np.stack([255 * part * trust // (2 * _LEVELS * 510) for part in parts], axis=1)
        ids = np.arange(self.n_classes + 1)
        signs = (ids[:, None] >> np.arange(EMBEDDING_LENGTH) & 1) * 2 - 1
        dark = np.zeros((len(chips), EMBEDDING_LENGTH, *bright.shape[1:]), np.float32)
        dark[:, 0], dark[:, 1] = bright, _LEVELS - 1 - bright
        return {
            "embeddings": np.tile(signs / np.float32(EMBEDDING_LENGTH**0.5), (len(chips), 1, 1)).astype(
                np.float32
            ),
            "index": np.stack([lower, upper], axis=1).astype(np.uint16),
            "weight": weight.astype(np.uint8),
            "features": dark / np.sqrt((dark * dark).sum(axis=1, keepdims=True)),
        }

    def label(self, arrays: Arrays, /, *, size_px: tuple[int, int], every_pixel: bool) -> Labels:
        """Return the class of the greatest weight at each pixel, which is its score, and its lead over the next.

        Weights go bilinearly from the middles of places to those of pixels.
        """
        bits = arrays["embeddings"].astype(np.int64) > 0
        classes = (bits << np.arange(EMBEDDING_LENGTH)).sum(axis=1)
        of_entry = classes[arrays["index"]] if len(classes) else np.zeros(arrays["index"].shape, np.int64)
        whole = WEIGHT_MAX * (2 * self.stride_px) ** 2
        ids = np.zeros(size_px, class_dtype(self.n_classes))
        pixels, places = _no_scores(*size_px), _no_scores(*(count - 2 for count in of_entry.shape[:2]))
        for each in np.unique(classes):
            weight = np.where(of_entry == each, arrays["weight"], 0).sum(axis=-1, dtype=np.int32)
            weight = np.minimum(weight, WEIGHT_MAX)
            wins = _update(pixels, self._upsampled(weight, size_px))
            ids[wins] = each
            _update(places, weight[1:-1, 1:-1] * (2 * self.stride_px) ** 2)
        best, second = pixels if every_pixel else places
        score, next_score = best * SCORE_MAX // whole, second * SCORE_MAX // whole
        return ids, score.astype(np.uint8), (score - next_score).astype(np.uint8)

    def weights(self) -> dict[str, np.ndarray]:
        """Return the arrays from which ``make_brightness`` makes this segmenter again."""
        names = ("chip_px", "step_px", "reach_px", "n_classes", "stride_px", "chips_per_call")
        return {name: np.array(getattr(self, name)) for name in names}

    def _brightness(self, chips: UInt8[np.ndarray, "b y x 3"]) -> Int64[np.ndarray, "b y1 x1"]:
        """Return the mean of the box around the middle of each place; beyond the chip its edge is repeated."""
        box, middle = 2 * self.reach_px + 1, self.stride_px // 2
        grey = chips.sum(axis=-1, dtype=np.int64)
        around = ((0, 0), (self.reach_px, self.reach_px), (self.reach_px, self.reach_px))
        padded = np.pad(grey, around, mode="edge")
        sums = np.pad(padded.cumsum(axis=1).cumsum(axis=2), ((0, 0), (1, 0), (1, 0)))
        lower = slice(middle, -box, self.stride_px)
        upper = slice(box + middle, None, self.stride_px)
        bands = sums[:, upper] - sums[:, lower]
        found: np.ndarray = (bands[:, :, upper] - bands[:, :, lower]) // (3 * box**2)
        return found

    def _levels(self, bright: Int64[np.ndarray, "b y x"]) -> tuple[np.ndarray, np.ndarray]:
        """Return the class whose middle lies below each brightness, and how far above it is, in 512ths of a class."""
        at = 2 * bright * (self.n_classes + 1) - _LEVELS  # 0 in the middle of the darkest class
        at = np.clip(at, 0, 2 * _LEVELS * self.n_classes)
        return at // (2 * _LEVELS), at % (2 * _LEVELS)

    def _upsampled(
        self, weight: Int32[np.ndarray, "y1 x1"], size_px: tuple[int, int]
    ) -> Int32[np.ndarray, "y x"]:
        """Return weights of places, with a ring around, at pixels: times ``(2 * stride_px) ** 2``."""
        double = 2 * self.stride_px
        rows, cols = (
            np.divmod(2 * np.arange(size, dtype=np.int32) + 1 + self.stride_px, double) for size in size_px
        )
        tall = weight[rows[0]] * (double - rows[1])[:, None] + weight[rows[0] + 1] * rows[1][:, None]
        found: np.ndarray = tall[:, cols[0]] * (double - cols[1]) + tall[:, cols[0] + 1] * cols[1]
        return found


def _no_scores(height: int, width: int) -> tuple[Int32[np.ndarray, "y x"], Int32[np.ndarray, "y x"]]:
    return np.zeros((height, width), np.int32), np.zeros((height, width), np.int32)


def _update(
    top: tuple[Int32[np.ndarray, "y x"], Int32[np.ndarray, "y x"]], value: Int32[np.ndarray, "y x"]
) -> Bool[np.ndarray, "y x"]:
    """Update, in place, the best and the second best value with one more, and return where it is the best."""
    best, second = top
    wins = value > best
    np.maximum(second, np.minimum(best, value), out=second)
    np.maximum(best, value, out=best)
    return wins


def make_brightness(weights: Mapping[str, np.ndarray]) -> BrightnessSegmenter:
    """Make a segmenter of its weights, as a worker does."""
    return BrightnessSegmenter(**{name: int(value) for name, value in weights.items()})
