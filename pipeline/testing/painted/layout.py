"""Where things are: superblocks between avenues, split into blocks by streets, warped by the land.

Streets run along the axes of a warped frame (v, u): the pixel frame (y, x), turned and bent by slow
noise. Jittered lines cut the frame into superblocks, and a tree of splits cuts each superblock into
at most 32 blocks. Tables are built for the superblocks around the asked places alone; what they hold
depends on a superblock's integer address only.
"""

# ruff: noqa: PLR2004 - fractions, lengths and tones of a picture: each stands once, where it is painted

from dataclasses import dataclass

import numpy as np

from pipeline.testing.painted.noise import (
    Bytes,
    Doubles,
    Flags,
    Floats,
    Hashes,
    Indices,
    Places,
    Points,
    draw,
    keyed,
)
from pipeline.testing.painted.style import Style, warped, water_px

SUPERBLOCK_PX = 800
SPLITS = 5
AVENUE_PX = 7.4  # half widths from here up are avenues, which bridge water
TRACK_PX = 4.0  # half widths below are unpaved tracks
HOUSES, TOWN, HALLS, CAR_PARK, PARK, FIELD, BARE, SOLAR = range(8)

# Chances of the kinds above in each district: suburb, centre, country, waste land.
_MIX = np.array(
    [
        [0.69, 0.07, 0.03, 0.02, 0.11, 0.01, 0.06, 0.01],
        [0.10, 0.30, 0.32, 0.05, 0.09, 0.01, 0.11, 0.02],
        [0.07, 0.00, 0.02, 0.00, 0.18, 0.58, 0.12, 0.03],
        [0.05, 0.04, 0.16, 0.04, 0.13, 0.14, 0.41, 0.03],
    ]
)
_BLOCK_PX = np.array([105.0, 130.0, 190.0, 150.0], dtype=np.float32)
_STREET_PX = np.array([4.8, 5.6, 1.8, 4.6], dtype=np.float32)


@dataclass(frozen=True)
class Blocks:
    """A table of blocks; bounds are inside the streets, in pixels from the superblock's corner."""

    key: Hashes
    kind: Bytes
    v0: Floats
    v1: Floats
    u0: Floats
    u1: Floats
    streets: tuple[Floats, Floats, Floats, Floats]  # half widths at v0, v1, u0, u1
    corner_v: Doubles
    corner_u: Doubles


@dataclass(frozen=True)
class Layout:
    """The block of every place, its position there, and how far it lies inside the streets."""

    blocks: Blocks
    block: Indices
    v: Floats
    u: Floats
    inside_px: Floats
    water_px: Floats  # rough distance into open water, negative on land


def lay_out(style: Style, places: Places) -> Layout:
    """Find the block of every place and its position there."""
    v, u = warped(style, places)
    shape = v.shape
    cell, blocks, splits = _superblocks(style, v.ravel(), u.ravel())
    local_v = (v.ravel() - np.take(blocks.corner_v[:: 1 << SPLITS], cell)).astype(np.float32)
    local_u = (u.ravel() - np.take(blocks.corner_u[:: 1 << SPLITS], cell)).astype(np.float32)
    node = cell
    for split_v, split_u in splits:
        right = (local_v >= np.take(split_v, node)) | (local_u >= np.take(split_u, node))
        node = 2 * node + right
    inside = np.minimum(local_v - np.take(blocks.v0, node), np.take(blocks.v1, node) - local_v)
    inside = np.minimum(inside, local_u - np.take(blocks.u0, node))
    inside = np.minimum(inside, np.take(blocks.u1, node) - local_u)
    wet = np.broadcast_to(water_px(style, places), shape).ravel()
    return Layout(blocks, node, local_v, local_u, inside, wet)


def _superblocks(style: Style, v: Doubles, u: Doubles) -> tuple[Indices, Blocks, list[tuple[Floats, Floats]]]:
    """Return the superblock of each place with the tables of all superblocks around them."""
    i, j = (np.floor(axis / SUPERBLOCK_PX).astype(np.int64) for axis in (u, v))
    i0, j0 = (int(axis.min()) - 1 if axis.size else 0 for axis in (i, j))
    i1, j1 = (int(axis.max()) + 1 if axis.size else 0 for axis in (i, j))
    across, down = np.arange(i0, i1 + 2), np.arange(j0, j1 + 2)
    line_u = _lines(style.salt(10), across)
    line_v = _lines(style.salt(11), across[:-1, None], down[None, :])
    i -= i0
    i -= u < np.take(line_u, i)
    j -= j0
    wide = down.size
    j -= v < np.take(line_v.ravel(), i * wide + j)
    key = keyed(style.salt(12), across[:-1, None], down[None, :-1]).ravel()
    low_u, high_u = (np.repeat(edge, wide - 1) for edge in (line_u[:-1], line_u[1:]))
    low_v, high_v = line_v[:, :-1].ravel(), line_v[:, 1:].ravel()
    blocks, splits = _split(style, key, (low_v, high_v, low_u, high_u))
    return i * (wide - 1) + j, blocks, splits


def _lines(seed: int, *address: Indices) -> Doubles:
    jitter = 0.5 * draw(keyed(seed, *address), 0).astype(np.float64)
    return SUPERBLOCK_PX * (address[-1] + jitter)


def _district(style: Style, key: Hashes, centre: Points) -> Indices:
    """Choose suburb 0, centre 1, country 2 or waste land 3 by slow noise and by chance."""
    city = centre.lattice(style.salt(13), 1900) + np.float32(0.9) * (draw(key, 1) - np.float32(0.5))
    district = np.where(city > np.float32(0.58), 1, np.where(city > np.float32(0.35), 0, 2))
    return np.where(draw(key, 2) < np.float32(0.1), 3, district)


def _split(
    style: Style, key: Hashes, bounds: tuple[Doubles, Doubles, Doubles, Doubles]
) -> tuple[Blocks, list[tuple[Floats, Floats]]]:
    low_v, high_v, low_u, high_u = bounds
    district = _district(style, key, Points((low_v + high_v) / 2, (low_u + high_u) / 2))
    zero = np.zeros(key.size, dtype=np.float32)
    edges = [zero, (high_v - low_v).astype(np.float32), zero, (high_u - low_u).astype(np.float32)]
    avenue = np.float32(7.5) + np.float32(4) * draw(key, 3)
    streets = [avenue, avenue, avenue, avenue]
    splits = []
    for level in range(SPLITS):
        split, street, down, go = _choose(key, district, edges, level)
        splits.append((np.where(go & down, split, np.inf), np.where(go & ~down, split, np.inf)))
        edges, streets = _halve(edges, streets, split, street, go & down, go & ~down)
        number = np.tile(np.arange(2), key.size)
        key, district = keyed(level, np.repeat(key, 2), number), np.repeat(district, 2)
    pick = draw(key, 6)[:, None]
    kind = (pick > np.cumsum(_MIX, axis=1).astype(np.float32)[district][:, :-1]).sum(axis=1).astype(np.uint8)
    v0, u0 = edges[0] + streets[0], edges[2] + streets[2]
    v1, u1 = edges[1] - streets[1], edges[3] - streets[3]
    corner_v, corner_u = (np.repeat(corner, 1 << SPLITS) for corner in (low_v, low_u))
    four = (streets[0], streets[1], streets[2], streets[3])
    return Blocks(key, kind, v0, v1, u0, u1, four, corner_v, corner_u), splits


def _choose(
    key: Hashes, district: Indices, edges: list[Floats], level: int
) -> tuple[Floats, Floats, Flags, Flags]:
    """Return where to split each node, the half width of the street there, the axis, and whether."""
    tall, wide = edges[1] - edges[0], edges[3] - edges[2]
    down = tall > wide
    least = _BLOCK_PX[district] * (np.float32(0.8) + np.float32(0.7) * draw(key, 4))
    ratio = np.float32(0.36) + np.float32(0.28) * draw(key, 5)
    split = np.where(down, edges[0] + tall * ratio, edges[2] + wide * ratio)
    street = _STREET_PX[district] * np.float32(1.3 if level == 0 else 1.0)
    street = street * (np.float32(0.85) + np.float32(0.3) * draw(key, 7))
    return split, street, down, np.maximum(tall, wide) > np.float32(2) * least


def _halve(
    edges: list[Floats], streets: list[Floats], split: Floats, street: Floats, down: Flags, along: Flags
) -> tuple[list[Floats], list[Floats]]:
    """Return the edges and streets of all children, left and right alternating."""

    def children(left: Floats, right: Floats) -> Floats:
        return np.stack([left, right], axis=1).ravel()

    new_edges, new_streets = [], []
    for side in range(4):  # v0, v1, u0, u1
        cuts = down if side < 2 else along
        edge, old = np.where(cuts, split, edges[side]), np.where(cuts, street, streets[side])
        pair, width = [edges[side], edge], [streets[side], old]
        if side % 2:  # the far edge moves in the left child, the near edge in the right one
            pair.reverse()
            width.reverse()
        new_edges.append(children(*pair))
        new_streets.append(children(*width))
    return new_edges, new_streets
