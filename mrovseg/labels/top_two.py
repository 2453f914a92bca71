"""The two best classes of every pixel where classes are many: tile by tile, without those that cannot come second.

The bits are those of `scores.by_class`, because each pixel's arithmetic is the same; only classes that provably cannot
be among a pixel's two best are left out, and in what order the others come does not matter.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int64, Shaped, UInt
from numpy.lib.stride_tricks import sliding_window_view

from mrovseg.labels.scores import FAINT, TwoBest, by_class, meet, nothing, places_of

FEW_CLASSES = 64  # up to here a pass over the whole chip for each class is faster
TILE = 4  # places a side of a tile: a patch, for proposals of this project
WINDOW = TILE + 2  # and one place around, which its pixels reach
CORNERS = (1, TILE)
SLACK = np.float32(1.0001)  # bounds are summed in another order than scores and round differently
BLOCK = 2**19  # bounds held at once, tiles x classes
PAIRS = 2**16  # of a tile and a class, scored at once


def two_best(
    probabilities: Float32[np.ndarray, "q c"],
    index: UInt[np.ndarray, "k y x"],
    share: Float32[np.ndarray, "k y x"],
    *,
    stride_px: float,
) -> TwoBest:
    """Find each pixel's two best classes.

    A class's score at a place is the sum of its probabilities in the kept queries, each times the query's share, and
    bilinear between places; of equal ones the first wins. `stride_px` is a multiple of 1/4.
    """
    find = by_class if probabilities.shape[1] <= FEW_CLASSES else by_tile
    winner, best, second = find(np.ascontiguousarray(probabilities.T), index, share, stride_px=stride_px)
    winner[best < FAINT] = 0
    best[best < FAINT] = 0
    second[second < FAINT] = 0
    return TwoBest(winner, best, second)


def by_tile(
    probabilities: Float32[np.ndarray, "c q"],
    index: UInt[np.ndarray, "k y x"],
    share: Float32[np.ndarray, "k y x"],
    *,
    stride_px: float,
) -> TwoBest:
    """Find each pixel's two best classes, in some rows of tiles after others."""
    kept, *places = index.shape
    tiles = [-(-count // TILE) for count in places]
    around = [(0, 0), *((1, 1 + TILE * n - count) for n, count in zip(tiles, places, strict=True))]
    windows = [
        sliding_window_view(np.pad(array, around, mode="edge"), (WINDOW, WINDOW), axis=(1, 2))[
            :, ::TILE, ::TILE
        ]
        for array in (index, share)
    ]
    side_px = round(TILE * stride_px)
    rows = max(1, BLOCK // (tiles[1] * len(probabilities)))
    bands = []
    for top in range(0, tiles[0], rows):
        cut = [np.moveaxis(w[:, top : top + rows], 0, 2).reshape(-1, kept, WINDOW, WINDOW) for w in windows]
        band = _contest(probabilities, cut[0], cut[1], stride_px)
        bands.append([a.reshape(-1, tiles[1], side_px, side_px).swapaxes(1, 2) for a in band])
    size = [round(count * stride_px) for count in places]
    whole = (np.concatenate(parts).reshape(tiles[0] * side_px, -1) for parts in zip(*bands, strict=True))
    return TwoBest(*(np.ascontiguousarray(array[: size[0], : size[1]]) for array in whole))


def _contest(
    of_class: Float32[np.ndarray, "c q"],
    index: UInt[np.ndarray, "t k y x"],
    share: Float32[np.ndarray, "t k y x"],
    stride_px: float,
) -> TwoBest:
    """Let classes meet in each tile: those that are strong in its corners, then all that may come second in it."""
    queries, index = _numbered_anew(index, of_class.shape[1])
    of_class = np.ascontiguousarray(of_class[:, queries])
    found = nothing(len(index), round(TILE * stride_px), round(TILE * stride_px))
    strong = _strong(of_class, index, share)
    for pairs in _scored(strong, of_class, index, share):
        for at in _turns(pairs.tiles):
            _enter(found, pairs.at(at), stride_px)
    # No class exceeds its bound anywhere in a tile.
    bounds = _greatest_shares(index, share, queries=len(queries)) @ of_class.T * SLACK
    needed = _needed(found, stride_px)
    maybe = (bounds >= needed.min(axis=(1, 2))[:, None]) & ~strong
    for pairs in _scored(maybe, of_class, index, share):
        able = pairs.at(pairs.able(_needed(found, stride_px)))
        for at in _turns(able.tiles):
            _enter(found, able.at(at), stride_px)
    return found


class Pairs(NamedTuple):
    """Tiles and classes, sorted by tile, with the scores of the class at the places of the tile's window."""

    tiles: Int64[np.ndarray, " n"]
    classes: Int64[np.ndarray, " n"]
    places: Float32[np.ndarray, "n y x"]

    def at(self, which: Shaped[np.ndarray, " m"]) -> "Pairs":
        """Return some of the pairs."""
        return Pairs(*(array[which] for array in self))

    def able(self, needed: Float32[np.ndarray, "t y1 x1"]) -> Bool[np.ndarray, " n"]:
        """Return whether the class may reach what is needed in a cell: no pixel exceeds the four places around it."""
        rows = np.maximum(self.places[:, 1:], self.places[:, :-1])
        corners = np.maximum(rows[:, :, 1:], rows[:, :, :-1])
        reached: np.ndarray = (corners * SLACK >= needed[self.tiles]).any(axis=(1, 2))
        return reached


def _numbered_anew(
    index: UInt[np.ndarray, "t k y x"], queries: int
) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, "t k y x"]]:
    """Return the queries that occur, and `index` in numbers of these."""
    occurs = np.zeros(queries, np.bool_)
    occurs[index] = True
    return np.flatnonzero(occurs), (np.cumsum(occurs) - 1)[index]


def _greatest_shares(
    index: Int64[np.ndarray, "t k y x"], share: Float32[np.ndarray, "t k y x"], *, queries: int
) -> Float32[np.ndarray, "t q"]:
    """Return the greatest share of every query at any of a window's places."""
    greatest = np.zeros((len(index), queries), np.float32)
    tiles = np.arange(len(index))
    for y, x in np.ndindex(WINDOW, WINDOW):
        here = np.zeros_like(greatest)
        for rank in range(index.shape[1]):
            here[tiles, index[:, rank, y, x]] += share[:, rank, y, x]
        np.maximum(greatest, here, out=greatest)
    return greatest


def _strong(
    of_class: Float32[np.ndarray, "c q"],
    index: Int64[np.ndarray, "t k y x"],
    share: Float32[np.ndarray, "t k y x"],
) -> Bool[np.ndarray, "t c"]:
    """Return the two best classes of the greatest query at each corner of a tile."""
    best = np.argpartition(of_class, -2, axis=0)[-2:]
    strong = np.zeros((len(index), len(of_class)), np.bool_)
    for y in CORNERS:
        for x in CORNERS:
            greatest = np.argmax(share[:, :, y, x], axis=1)
            queries = index[np.arange(len(index)), greatest, y, x]
            np.put_along_axis(strong, best[:, queries].T, values=True, axis=1)
    return strong


def _needed(found: TwoBest, stride_px: float) -> Float32[np.ndarray, "t y1 x1"]:
    """Return what a class must reach to come second, by the cells between four places; infinite in one of no pixels."""
    second = np.maximum(found.second, FAINT)
    above, _ = places_of(second.shape[1], stride_px)
    cells, begin = np.unique(above, return_index=True)
    needed = np.full((len(second), WINDOW - 1, WINDOW - 1), np.inf, np.float32)
    of_rows = np.minimum.reduceat(second, begin, axis=1)
    needed[:, cells[:, None], cells] = np.minimum.reduceat(of_rows, begin, axis=2)
    return needed


def _scored(
    chosen: Bool[np.ndarray, "t c"],
    of_class: Float32[np.ndarray, "c q"],
    index: Int64[np.ndarray, "t k y x"],
    share: Float32[np.ndarray, "t k y x"],
) -> Iterator[Pairs]:
    """Score the chosen classes at the places of their tiles, some pairs at a time, and at least once."""
    tiles, classes = np.nonzero(chosen)
    for start in range(0, max(1, len(tiles)), PAIRS):
        t, c = tiles[start : start + PAIRS], classes[start : start + PAIRS]
        places = np.zeros((len(t), WINDOW, WINDOW), np.float32)
        begin = (c * of_class.shape[1])[:, None, None]
        for rank in range(index.shape[1]):
            places += of_class.ravel()[begin + index[t, rank]] * share[t, rank]
        yield Pairs(t, c, places)


def _turns(tiles: Int64[np.ndarray, " n"]) -> Iterator[Int64[np.ndarray, " m"]]:
    """Yield which of the sorted `tiles` go together: none twice at once, until all have had their turns."""
    turn = np.arange(len(tiles)) - np.searchsorted(tiles, tiles)
    order = np.argsort(turn, kind="stable")
    yield from np.split(order, np.cumsum(np.bincount(turn))[:-1]) if len(order) else ()


def _enter(found: TwoBest, pairs: Pairs, stride_px: float) -> None:
    """Let classes meet those that were found so far in their tiles, of which none stands twice."""
    above, part = places_of(round(TILE * stride_px), stride_px)
    rows = pairs.places[:, above] * (1 - part[:, None]) + pairs.places[:, above + 1] * part[:, None]
    scores = rows[:, :, above] * (1 - part) + rows[:, :, above + 1] * part
    ids = (pairs.classes + 1).astype(np.uint16)[:, None, None]
    met = meet(TwoBest(*(array[pairs.tiles] for array in found)), scores, ids)
    for array, of_tiles in zip(found, met, strict=True):
        array[pairs.tiles] = of_tiles
