"""Building lots: every built block is cut into a raster of lots, each with at most one building."""

# ruff: noqa: PLR2004 - fractions, lengths and tones of a picture: each stands once, where it is painted

from dataclasses import dataclass

import numpy as np

from pipeline.testing.painted.layout import HALLS, HOUSES, TOWN, Layout
from pipeline.testing.painted.noise import Doubles, Flags, Floats, Hashes, Indices, draw, keyed
from pipeline.testing.painted.style import Style, unwarped, water_px

BUILT = (HOUSES, TOWN, HALLS)
_LOT_PX = np.array([[38.0, 60.0], [54.0, 58.0], [104.0, 96.0]])
# Half sizes of a building as a fraction of its lot: least and spread, along the street and away from it.
_COVER = np.array([[0.31, 0.13, 0.21, 0.12], [0.38, 0.11, 0.34, 0.13], [0.33, 0.15, 0.33, 0.14]])
_ROOM = 0.485  # how far from its middle a lot may be built on, as a fraction of its size
_BUILT_SHARE = 0.94
_LEAST_LOT_PX = 14
_SHORE_PX = -22


@dataclass(frozen=True)
class Lots:
    """A table of lots and their buildings, lengths in pixels.

    A building stands at (y, x) in the pixel frame, its long axis p along (along_y, along_x) and its
    short axis q across; a half length of zero is no building or no wing.
    """

    key: Hashes
    block: Indices
    lot_v: Floats
    lot_u: Floats
    back: Floats  # +1 or -1: on which side of the v axis the garden lies
    dry: Flags
    y: Doubles
    x: Doubles
    along_y: Floats
    along_x: Floats
    half_p: Floats
    half_q: Floats
    wing_p: Floats  # middle of the second, smaller wing
    wing_q: Floats
    wing_half_p: Floats
    wing_half_q: Floats


def find_lots(style: Style, layout: Layout, at: Indices) -> tuple[Indices, Floats, Floats, Lots]:
    """Return the lot of each built pixel, the place (v, u) in its lot as a fraction, and all lots."""
    blocks, block = layout.blocks, layout.block[at]
    present = np.zeros(blocks.key.size, dtype=bool)
    present[block] = True
    tall, wide = blocks.v1 - blocks.v0, blocks.u1 - blocks.u0
    size = _LOT_PX[np.minimum(blocks.kind, HALLS)]
    turned = (tall > wide)[:, None]
    size = np.where(turned, size[:, ::-1], size) * (0.85 + 0.4 * draw(blocks.key, 60))[:, None]
    count_u = np.maximum(np.rint(wide / size[:, 0]), 1).astype(np.int64)
    count_v = np.maximum(np.rint(tall / size[:, 1]), 1).astype(np.int64)
    count = np.where(present, count_u * count_v, 0)
    first = np.cumsum(count) - count
    share_v = (
        np.clip((layout.v[at] - blocks.v0[block]) / tall[block], 0, np.float32(0.99999)) * count_v[block]
    )
    share_u = (
        np.clip((layout.u[at] - blocks.u0[block]) / wide[block], 0, np.float32(0.99999)) * count_u[block]
    )
    row, col = share_v.astype(np.int64), share_u.astype(np.int64)
    lot = first[block] + row * count_u[block] + col
    lots = _build(style, layout, np.repeat(np.arange(count.size), count), (count_v, count_u, first))
    return lot, (share_v - row - 0.5).astype(np.float32), (share_u - col - 0.5).astype(np.float32), lots


def _build(style: Style, layout: Layout, block: Indices, raster: tuple[Indices, Indices, Indices]) -> Lots:
    """Return the lots of blocks, given each lot's block and the blocks' rasters of lots."""
    blocks = layout.blocks
    count_v, count_u, first = (count[block] for count in raster)
    number = np.arange(block.size) - first
    row, col = number // count_u, number % count_u
    key = keyed(71, blocks.key[block], number)
    lot_v = (blocks.v1 - blocks.v0)[block] / count_v.astype(np.float32)
    lot_u = (blocks.u1 - blocks.u0)[block] / count_u.astype(np.float32)
    side = np.sign(count_v - 1 - 2 * row).astype(np.float32)  # towards the middle of the block
    back = np.where(side == 0, np.where(draw(key, 1) < 0.5, np.float32(1), np.float32(-1)), side)
    cover = _COVER[np.minimum(blocks.kind[block], HALLS)]
    half_u = lot_u * (cover[:, 0] + cover[:, 1] * draw(key, 2))
    half_v = lot_v * (cover[:, 2] + cover[:, 3] * draw(key, 3))
    move_v = -back * (_ROOM * lot_v - half_v) * (0.25 + 0.35 * draw(key, 4))
    move_u = (_ROOM * lot_u - half_u) * (draw(key, 5) - 0.5)
    middle_v = blocks.corner_v[block] + blocks.v0[block] + lot_v * (row + 0.5) + move_v
    middle_u = blocks.corner_u[block] + blocks.u0[block] + lot_u * (col + 0.5) + move_u
    here, ahead = unwarped(style, middle_v, middle_u), unwarped(style, middle_v, middle_u + 16.0)
    dry = water_px(style, here) < _SHORE_PX
    built = dry & (draw(key, 6) < _BUILT_SHARE) & (np.minimum(lot_u, lot_v) > _LEAST_LOT_PX)
    frame = _frame(ahead.y - here.y, ahead.x - here.x, half_v * built, half_u * built)
    return Lots(key, block, lot_v, lot_u, back, dry, here.y, here.x, *frame, *_wing(key, *frame[2:]))


def _frame(step_y: Doubles, step_x: Doubles, half_v: Doubles, half_u: Doubles) -> tuple[Floats, ...]:
    """Return the unit vector (y, x) of a building's long axis and its half lengths (p, q)."""
    length = np.sqrt(step_y * step_y + step_x * step_x)
    down, right = (step_y / length).astype(np.float32), (step_x / length).astype(np.float32)
    turned = half_v > half_u
    along_y, along_x = np.where(turned, right, down), np.where(turned, -down, right)
    half_p, half_q = np.maximum(half_v, half_u), np.minimum(half_v, half_u)
    return along_y, along_x, half_p.astype(np.float32), half_q.astype(np.float32)


def _wing(key: Hashes, half_p: Floats, half_q: Floats) -> tuple[Floats, ...]:
    """Return the middle (p, q) and half lengths (p, q) of wings; L shapes, mirrored by chance."""
    there = draw(key, 10) < np.float32(0.5)
    share = np.float32(0.3) + np.float32(0.25) * draw(key, 11)
    reach = np.float32(0.35) + np.float32(0.3) * draw(key, 12)
    sign_p = np.where(draw(key, 13) < 0.5, np.float32(1), np.float32(-1))
    sign_q = np.where(draw(key, 14) < 0.5, np.float32(1), np.float32(-1))
    wing_p, wing_q = sign_p * half_p * (np.float32(1) - share), sign_q * half_q
    return wing_p, wing_q, half_p * share * there, half_q * reach * there
