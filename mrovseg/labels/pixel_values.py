"""What the labels of pixels are computed from and into."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int32, Int64, UInt8, UInt16

OTHER_THRESHOLD = 0.2
"""The probability below which a pixel's best class loses to `other`, where nothing else is asked."""


class Rules(NamedTuple):
    """What is asked: how many classes are no background, which score suffices, and scores of every pixel or place."""

    classes: int
    threshold: np.float32
    stride_px: int
    every_pixel: bool


class Found(NamedTuple):
    """Where labels go: score and margin of every pixel, or of every place."""

    class_id: UInt16[np.ndarray, "h w"]
    score: UInt8[np.ndarray, "sy sx"]
    margin: UInt8[np.ndarray, "sy sx"]


class QuadRoom(NamedTuple):
    """What is computed of a quad: of classes, and of pixels with the weights of the lower and the right places.

    `*_bits` is the same memory as integers.
    """

    high: Float32[np.ndarray, " c"]
    high_bits: Int32[np.ndarray, " c"]
    able: Int64[np.ndarray, " c"]
    leading: Float32[np.ndarray, " 2"]
    leading_bits: Int32[np.ndarray, " 2"]
    down: Float32[np.ndarray, " p"]
    right: Float32[np.ndarray, " p"]
    winner: UInt16[np.ndarray, " p"]
    best: Float32[np.ndarray, " p"]
    second: Float32[np.ndarray, " p"]

    @classmethod
    def of(cls, classes: int, side: int) -> "QuadRoom":
        """Return room for quads of so many classes and pixels a side; their pixels lie in each as in any."""
        part = (2 * np.arange(side) + 1 - side % 2).astype(np.float32) / np.float32(2 * side)
        high, leading = np.zeros(classes, np.float32), np.zeros(2, np.float32)
        winner, best = np.zeros(side * side, np.uint16), np.zeros((2, side * side), np.float32)
        return cls(
            *(high, high.view(np.int32), np.zeros(classes, np.int64)),
            *(leading, leading.view(np.int32)),
            *(np.repeat(part, side), np.tile(part, side)),
            *(winner, best[0], best[1]),
        )
