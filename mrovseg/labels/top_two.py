"""The top two classes of every pixel. Where classes are many: tile by tile, without those that cannot come second.

The bits are those of `scores.by_class`, because each pixel's arithmetic is the same; only classes that provably cannot
be among a pixel's top two are left out, and in what order the others come does not matter.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int64, Shaped, UInt
from numpy.lib.stride_tricks import sliding_window_view

from mrovseg.labels.scores import MIN_SCORE, TopTwo, by_class, interpolation, no_classes, update

FEW_CLASSES = 64  # up to here a pass over the whole chip for each class is faster
TILE = 4  # cells a side of a tile: a patch, for proposals of this project
PADDED = TILE + 2  # and one cell around, which interpolation reads
CORNERS = (1, TILE)
SLACK = np.float32(1.0001)  # bounds are summed in another order than scores and round differently
BLOCK = 2**19  # bounds in memory at once, tiles x classes
PAIRS = 2**16  # of a tile and a class, scored at once


def top_two(
    probabilities: Float32[np.ndarray, "q c"],
    index: UInt[np.ndarray, "k y x"],
    weight: Float32[np.ndarray, "k y x"],
    *,
    stride_px: float,
) -> TopTwo:
    """Return each pixel's top two classes; a score below MIN_SCORE counts as none.

    A class's score in a cell is the sum of its probabilities in the kept queries, each times the query's weight, and
    bilinear between cells; of equal scores the lower id wins. `stride_px` is a multiple of 1/4.
    """
    find = by_class if probabilities.shape[1] <= FEW_CLASSES else by_tile
    winner, best, second = find(np.ascontiguousarray(probabilities.T), index, weight, stride_px=stride_px)
    winner[best < MIN_SCORE] = 0
    best[best < MIN_SCORE] = 0
    second[second < MIN_SCORE] = 0
    return TopTwo(winner, best, second)


def by_tile(
    probabilities: Float32[np.ndarray, "c q"],
    index: UInt[np.ndarray, "k y x"],
    weight: Float32[np.ndarray, "k y x"],
    *,
    stride_px: float,
) -> TopTwo:
    """Return each pixel's top two classes, a few rows of tiles at a time."""
    kept, *cells = index.shape
    tiles = [-(-count // TILE) for count in cells]
    around = [(0, 0), *((1, 1 + TILE * n - count) for n, count in zip(tiles, cells, strict=True))]
    windows = [
        sliding_window_view(np.pad(array, around, mode="edge"), (PADDED, PADDED), axis=(1, 2))[
            :, ::TILE, ::TILE
        ]
        for array in (index, weight)
    ]
    side_px = round(TILE * stride_px)
    rows = max(1, BLOCK // (tiles[1] * len(probabilities)))
    bands = []
    for top in range(0, tiles[0], rows):
        cut = [np.moveaxis(w[:, top : top + rows], 0, 2).reshape(-1, kept, PADDED, PADDED) for w in windows]
        band = _top_two_of_tiles(probabilities, cut[0], cut[1], stride_px)
        bands.append([a.reshape(-1, tiles[1], side_px, side_px).swapaxes(1, 2) for a in band])
    size = [round(count * stride_px) for count in cells]
    whole = (np.concatenate(parts).reshape(tiles[0] * side_px, -1) for parts in zip(*bands, strict=True))
    return TopTwo(*(np.ascontiguousarray(array[: size[0], : size[1]]) for array in whole))


def _top_two_of_tiles(
    of_class: Float32[np.ndarray, "c q"],
    index: UInt[np.ndarray, "t k y x"],
    weight: Float32[np.ndarray, "t k y x"],
    stride_px: float,
) -> TopTwo:
    """Return the top two in each tile: of the classes that lead in its corners, then of all that may come second."""
    queries, index = _renumber(index, of_class.shape[1])
    of_class = np.ascontiguousarray(of_class[:, queries])
    found = no_classes(len(index), round(TILE * stride_px), round(TILE * stride_px))
    first = _corner_classes(of_class, index, weight)
    for pairs in _scored_pairs(first, of_class, index, weight):
        for at in _rounds(pairs.tiles):
            _update_tiles(found, pairs.select(at), stride_px)
    # No class exceeds its bound anywhere in a tile.
    bounds = _greatest_weights(index, weight, queries=len(queries)) @ of_class.T * SLACK
    needed = _score_to_beat(found, stride_px)
    possible = (bounds >= needed.min(axis=(1, 2))[:, None]) & ~first
    for pairs in _scored_pairs(possible, of_class, index, weight):
        able = pairs.select(pairs.can_reach(_score_to_beat(found, stride_px)))
        for at in _rounds(able.tiles):
            _update_tiles(found, able.select(at), stride_px)
    return found


class Pairs(NamedTuple):
    """Pairs of a tile and a class, sorted by tile, with the class's scores in the cells of the padded tile."""

    tiles: Int64[np.ndarray, " n"]
    classes: Int64[np.ndarray, " n"]
    scores: Float32[np.ndarray, "n y x"]

    def select(self, which: Shaped[np.ndarray, " m"]) -> "Pairs":
        """Return some of the pairs."""
        return Pairs(*(array[which] for array in self))

    def can_reach(self, needed: Float32[np.ndarray, "t y1 x1"]) -> Bool[np.ndarray, " n"]:
        """Return whether a pair may reach the needed score anywhere: no pixel exceeds the four cells around it."""
        rows = np.maximum(self.scores[:, 1:], self.scores[:, :-1])
        corners = np.maximum(rows[:, :, 1:], rows[:, :, :-1])
        reached: np.ndarray = (corners * SLACK >= needed[self.tiles]).any(axis=(1, 2))
        return reached


def _renumber(
    index: UInt[np.ndarray, "t k y x"], queries: int
) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, "t k y x"]]:
    """Return the queries that occur, and `index` renumbered to positions among these."""
    occurs = np.zeros(queries, np.bool_)
    occurs[index] = True
    return np.flatnonzero(occurs), (np.cumsum(occurs) - 1)[index]


def _greatest_weights(
    index: Int64[np.ndarray, "t k y x"], weight: Float32[np.ndarray, "t k y x"], *, queries: int
) -> Float32[np.ndarray, "t q"]:
    """Return the greatest weight of every query in any cell of a padded tile."""
    greatest = np.zeros((len(index), queries), np.float32)
    tiles = np.arange(len(index))
    for y, x in np.ndindex(PADDED, PADDED):
        here = np.zeros_like(greatest)
        for rank in range(index.shape[1]):
            here[tiles, index[:, rank, y, x]] += weight[:, rank, y, x]
        np.maximum(greatest, here, out=greatest)
    return greatest


def _corner_classes(
    of_class: Float32[np.ndarray, "c q"],
    index: Int64[np.ndarray, "t k y x"],
    weight: Float32[np.ndarray, "t k y x"],
) -> Bool[np.ndarray, "t c"]:
    """Return the top two classes of the query with the greatest weight in each corner of a tile."""
    best = np.argpartition(of_class, -2, axis=0)[-2:]
    chosen = np.zeros((len(index), len(of_class)), np.bool_)
    for y in CORNERS:
        for x in CORNERS:
            greatest = np.argmax(weight[:, :, y, x], axis=1)
            queries = index[np.arange(len(index)), greatest, y, x]
            np.put_along_axis(chosen, best[:, queries].T, values=True, axis=1)
    return chosen


def _score_to_beat(found: TopTwo, stride_px: float) -> Float32[np.ndarray, "t y1 x1"]:
    """Return the score that a class must reach to come second, between each four cells; infinite without pixels."""
    second = np.maximum(found.second, MIN_SCORE)
    above, _ = interpolation(second.shape[1], stride_px)
    between, begin = np.unique(above, return_index=True)
    needed = np.full((len(second), PADDED - 1, PADDED - 1), np.inf, np.float32)
    of_rows = np.minimum.reduceat(second, begin, axis=1)
    needed[:, between[:, None], between] = np.minimum.reduceat(of_rows, begin, axis=2)
    return needed


def _scored_pairs(
    chosen: Bool[np.ndarray, "t c"],
    of_class: Float32[np.ndarray, "c q"],
    index: Int64[np.ndarray, "t k y x"],
    weight: Float32[np.ndarray, "t k y x"],
) -> Iterator[Pairs]:
    """Yield the chosen pairs with their scores, PAIRS at a time, and at least once."""
    tiles, classes = np.nonzero(chosen)
    for start in range(0, max(1, len(tiles)), PAIRS):
        t, c = tiles[start : start + PAIRS], classes[start : start + PAIRS]
        scores = np.zeros((len(t), PADDED, PADDED), np.float32)
        begin = (c * of_class.shape[1])[:, None, None]
        for rank in range(index.shape[1]):
            scores += of_class.ravel()[begin + index[t, rank]] * weight[t, rank]
        yield Pairs(t, c, scores)


def _rounds(tiles: Int64[np.ndarray, " n"]) -> Iterator[Int64[np.ndarray, " m"]]:
    """Yield indices into the sorted `tiles` in rounds, in none of which a tile occurs twice."""
    round_of = np.arange(len(tiles)) - np.searchsorted(tiles, tiles)
    order = np.argsort(round_of, kind="stable")
    yield from np.split(order, np.cumsum(np.bincount(round_of))[:-1]) if len(order) else ()


def _update_tiles(found: TopTwo, pairs: Pairs, stride_px: float) -> None:
    """Update `found`, in place, with the pairs' classes; no tile occurs twice among them."""
    above, part = interpolation(round(TILE * stride_px), stride_px)
    rows = pairs.scores[:, above] * (1 - part[:, None]) + pairs.scores[:, above + 1] * part[:, None]
    scores = rows[:, :, above] * (1 - part) + rows[:, :, above + 1] * part
    ids = (pairs.classes + 1).astype(np.uint16)[:, None, None]
    updated = update(TopTwo(*(array[pairs.tiles] for array in found)), scores, ids)
    for array, of_tiles in zip(found, updated, strict=True):
        array[pairs.tiles] = of_tiles
