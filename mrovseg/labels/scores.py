"""Scores of classes, from places to pixels, and the two best classes of every pixel: plain elementwise arithmetic."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int64, UInt

FAINT = 0.5 / 255  # a fainter score counts as none, and is stored as 0


class TwoBest(NamedTuple):
    """The class that wins (its id, 0 for none), its score and the next one's. Scores below FAINT are 0."""

    winner: UInt[np.ndarray, "*b y x"]
    best: Float32[np.ndarray, "*b y x"]
    second: Float32[np.ndarray, "*b y x"]


def score(
    of_class: Float32[np.ndarray, " q"], index: UInt[np.ndarray, "k y x"], share: Float32[np.ndarray, "k y x"]
) -> Float32[np.ndarray, "y x"]:
    """Return the score of one class at every place."""
    total = np.zeros(share.shape[1:], np.float32)
    for query, part in zip(index, share, strict=True):
        total += of_class[query] * part
    return total


def upsample(values: Float32[np.ndarray, "y x"], factor: float) -> Float32[np.ndarray, "h w"]:
    """Upsample bilinearly, pixel centres aligned, edges repeated."""
    rows = _rows(values, factor)
    return np.ascontiguousarray(_rows(np.ascontiguousarray(rows.T), factor).T)


def _rows(values: Float32[np.ndarray, "y x"], factor: float) -> Float32[np.ndarray, "h x"]:
    padded = np.pad(values, ((1, 1), (0, 0)), mode="edge")
    above, part = places_of(round(len(values) * factor), factor)
    sampled: np.ndarray = padded[above] * (1 - part[:, None]) + padded[above + 1] * part[:, None]
    return sampled


def places_of(count_px: int, factor: float) -> tuple[Int64[np.ndarray, " h"], Float32[np.ndarray, " h"]]:
    """Return, for pixels of a row of places that begins one place early, the place before and the next one's part."""
    at = (np.arange(count_px) + 0.5) / factor + 0.5
    above = at.astype(np.int64)
    return above, (at - above).astype(np.float32)


def nothing(*shape: int) -> TwoBest:
    """Return pixels in which no class has been yet."""
    return TwoBest(np.zeros(shape, np.uint16), np.zeros(shape, np.float32), np.zeros(shape, np.float32))


def meet(
    found: TwoBest, scores: Float32[np.ndarray, "*b y x"], class_id: UInt[np.ndarray, "*c"] | np.uint16
) -> TwoBest:
    """Let a class meet the two best so far, in whatever order classes come."""
    winner, best, second = found
    wins = (scores > best) | ((scores == best) & (class_id < winner))
    second = np.maximum(second, np.minimum(scores, best))
    return TwoBest(np.where(wins, class_id, winner), np.maximum(scores, best), second)


def by_class(
    probabilities: Float32[np.ndarray, "c q"],
    index: UInt[np.ndarray, "k y x"],
    share: Float32[np.ndarray, "k y x"],
    *,
    stride_px: float,
) -> TwoBest:
    """Find each pixel's two best classes, class after class over the whole chip."""
    found = nothing(*(round(count * stride_px) for count in index.shape[1:]))
    for class_id, of_class in enumerate(probabilities, start=1):
        found = meet(found, upsample(score(of_class, index, share), stride_px), np.uint16(class_id))
    return found
