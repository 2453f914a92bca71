"""Scores of classes, from grid cells to pixels, and each pixel's top two classes: plain elementwise arithmetic."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int64, UInt

MIN_SCORE = 0.5 / 255  # a lower score counts as none, and is stored as 0


class TopTwo(NamedTuple):
    """The class with the highest score (its id, 0 for none), that score, and the second highest."""

    winner: UInt[np.ndarray, "*b y x"]
    best: Float32[np.ndarray, "*b y x"]
    second: Float32[np.ndarray, "*b y x"]


def score(
    of_class: Float32[np.ndarray, " q"],
    index: UInt[np.ndarray, "k y x"],
    weight: Float32[np.ndarray, "k y x"],
) -> Float32[np.ndarray, "y x"]:
    """Return the score of one class in every cell: its probability in the cell's queries, weighted and summed.

    of_class: the class's probability in each query. index, weight: the queries kept for a cell, and their weights.
    """
    total = np.zeros(weight.shape[1:], np.float32)
    for query, of_query in zip(index, weight, strict=True):
        total += of_class[query] * of_query
    return total


def upsample(values: Float32[np.ndarray, "y x"], factor: float) -> Float32[np.ndarray, "h w"]:
    """Upsample bilinearly by `factor` >= 1: pixel centres aligned (align_corners=False), edges repeated."""
    rows = _rows(values, factor)
    return np.ascontiguousarray(_rows(np.ascontiguousarray(rows.T), factor).T)


def _rows(values: Float32[np.ndarray, "y x"], factor: float) -> Float32[np.ndarray, "h x"]:
    padded = np.pad(values, ((1, 1), (0, 0)), mode="edge")
    above, part = interpolation(round(len(values) * factor), factor)
    sampled: np.ndarray = padded[above] * (1 - part[:, None]) + padded[above + 1] * part[:, None]
    return sampled


def interpolation(count_px: int, factor: float) -> tuple[Int64[np.ndarray, " h"], Float32[np.ndarray, " h"]]:
    """Return what linear interpolation of a row of cells reads for each pixel, where one cell pads the row in front.

    The index of the cell before the pixel's centre, and the weight of the next one.
    """
    at = (np.arange(count_px) + 0.5) / factor + 0.5
    above = at.astype(np.int64)
    return above, (at - above).astype(np.float32)


def no_classes(*shape: int) -> TopTwo:
    """Return the top two of pixels of a shape before any class was seen: id 0 and scores of 0."""
    return TopTwo(np.zeros(shape, np.uint16), np.zeros(shape, np.float32), np.zeros(shape, np.float32))


def update(
    found: TopTwo, scores: Float32[np.ndarray, "*b y x"], class_id: UInt[np.ndarray, "*c"] | np.uint16
) -> TopTwo:
    """Return the top two with one more class. Their order does not matter; of equal scores the lower id wins."""
    winner, best, second = found
    wins = (scores > best) | ((scores == best) & (class_id < winner))
    second = np.maximum(second, np.minimum(scores, best))
    return TopTwo(np.where(wins, class_id, winner), np.maximum(scores, best), second)


def by_class(
    probabilities: Float32[np.ndarray, "c q"],
    index: UInt[np.ndarray, "k y x"],
    weight: Float32[np.ndarray, "k y x"],
    *,
    stride_px: float,
) -> TopTwo:
    """Return each pixel's top two classes, one class after the other over the whole chip."""
    found = no_classes(*(round(count * stride_px) for count in index.shape[1:]))
    for class_id, of_class in enumerate(probabilities, start=1):
        found = update(found, upsample(score(of_class, index, weight), stride_px), np.uint16(class_id))
    return found
