"""The scores of classes at places, compiled. What they are is said by `chunk_labels.label_map`.

In the part of Python that numba compiles, so types are not checked at run time. A number without a type would be of 64
bits here and change those of what it touches: hence the constants.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float32, Int8, Int64, UInt8, UInt16

from mrovseg.labels.compiled import kernel, part

ZERO, ONE = np.float32(0), np.float32(1)
FULL_WEIGHT = 15  # what a weight of 1 is stored as
TOGETHER = 4  # terms added to sums in one pass over them


class Scored(NamedTuple):
    """What the head says: each query's probability of each class, and the queries of each place with their weights."""

    probabilities: Float32[np.ndarray, "n c"]
    queries: UInt16[np.ndarray, "y x k"]
    weights: UInt8[np.ndarray, "y x k"]


class Told(NamedTuple):
    """What features say: the probabilities of some classes in each cell, which these are, and a cell's side."""

    cells: Float32[np.ndarray, "fy fx u"]
    classes: Int64[np.ndarray, " u"]
    cell_places: int


class PlaceRoom(NamedTuple):
    """Room for what features say of a row of places, and for the entries of a place."""

    told: Float32[np.ndarray, "x u"]
    queries: UInt16[np.ndarray, " k"]
    weights: Float32[np.ndarray, " k"]

    @classmethod
    def of(cls, scored: Scored, told: Told) -> "PlaceRoom":
        """Return the room that these need."""
        _, width, kept = scored.queries.shape
        most = kept + TOGETHER
        return cls(
            np.zeros((width, len(told.classes)), np.float32),
            np.zeros(most, np.uint16),
            np.zeros(most, np.float32),
        )


@kernel
@no_type_check
def add_products(
    embeddings: Int8[np.ndarray, "n e"],
    vectors: Float32[np.ndarray, "e p"],
    sums: Float32[np.ndarray, "n p"],
) -> None:
    """Add to `sums` the scalar products of embeddings and vectors, in the order of e."""
    count, length = embeddings.shape
    prompts = vectors.shape[1]
    whole = length - length % TOGETHER
    for q in range(count):
        for e in range(0, whole, TOGETHER):
            x0, x1 = np.float32(embeddings[q, e]), np.float32(embeddings[q, e + 1])
            x2, x3 = np.float32(embeddings[q, e + 2]), np.float32(embeddings[q, e + 3])
            for p in range(prompts):
                sums[q, p] = (
                    ((sums[q, p] + x0 * vectors[e, p]) + x1 * vectors[e + 1, p]) + x2 * vectors[e + 2, p]
                ) + x3 * vectors[e + 3, p]
        for e in range(whole, length):
            x0 = np.float32(embeddings[q, e])
            for p in range(prompts):
                sums[q, p] += x0 * vectors[e, p]


@part
@no_type_check
def interpolation(place: int, cell_places: int) -> tuple[int, np.float32]:
    """Return the cell before a place, counted from the ring's, and the weight of the next one."""
    twice = 2 * place + 1 + cell_places
    return twice // (2 * cell_places), np.float32(twice % (2 * cell_places)) / np.float32(2 * cell_places)


@part
@no_type_check
def tell_row(told: Told, place: int, row: Float32[np.ndarray, "x u"]) -> None:
    """Write a row of places' probabilities, bilinear between cells: rows first, then columns."""
    above, down = interpolation(place, told.cell_places)
    below = min(
        above + 1, told.cells.shape[0] - 1
    )  # in the middle of the last cell nothing of a next one is read
    for x in range(row.shape[0]):
        before, right = interpolation(x - 1, told.cell_places)
        after = min(before + 1, told.cells.shape[1] - 1)
        for u in range(row.shape[1]):
            a = told.cells[above, before, u] * (ONE - down) + told.cells[below, before, u] * down
            b = told.cells[above, after, u] * (ONE - down) + told.cells[below, after, u] * down
            row[x, u] = a * (ONE - right) + b * right


@part
@no_type_check
def read_entries(scored: Scored, y: int, x: int, room: PlaceRoom) -> int:
    """Write the queries of a place that have a weight; return how many, made up to whole passes."""
    total = count = 0
    for k in range(scored.weights.shape[2]):
        if scored.weights[y, x, k] > 0:
            room.queries[count] = scored.queries[y, x, k]
            room.weights[count] = np.float32(scored.weights[y, x, k])
            total += scored.weights[y, x, k]
            count += 1
    for k in range(count):
        room.weights[k] /= np.float32(max(total, FULL_WEIGHT))
    while count % TOGETHER:
        room.queries[count], room.weights[count] = 0, ZERO
        count += 1
    return count


@kernel
@no_type_check
def score_rows(
    scored: Scored, told: Told, first: int, room: PlaceRoom, scores: Float32[np.ndarray, "y x c"]
) -> None:
    """Write the scores of as many rows of places as `scores` has, from row `first` on, the ring's being row 0."""
    queries, weights, probabilities = room.queries, room.weights, scored.probabilities
    for y in range(scores.shape[0]):
        tell_row(told, first + y - 1, room.told)
        for x in range(scores.shape[1]):
            taken = ZERO
            for u in range(room.told.shape[1]):
                taken += room.told[x, u]
            rest = max(ONE - taken, ZERO)
            for c in range(scores.shape[2]):
                scores[y, x, c] = ZERO
            for k in range(0, read_entries(scored, first + y, x, room), TOGETHER):
                q0, q1, q2, q3 = queries[k], queries[k + 1], queries[k + 2], queries[k + 3]
                w0, w1 = weights[k] * rest, weights[k + 1] * rest
                w2, w3 = weights[k + 2] * rest, weights[k + 3] * rest
                for c in range(scores.shape[2]):
                    scores[y, x, c] = (
                        ((scores[y, x, c] + probabilities[q0, c] * w0) + probabilities[q1, c] * w1)
                        + probabilities[q2, c] * w2
                    ) + probabilities[q3, c] * w3
            for u in range(room.told.shape[1]):
                scores[y, x, told.classes[u]] = room.told[x, u]
