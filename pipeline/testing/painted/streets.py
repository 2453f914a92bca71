"""Streets with lanes, kerbs and traffic, and car parks."""

# ruff: noqa: PLR2004 - fractions, lengths and tones of a picture: each stands once, where it is painted

from typing import NamedTuple

import numpy as np

from pipeline.testing.painted.canvas import CAR, STREET, Canvas, blended, tinted
from pipeline.testing.painted.noise import Flags, Floats, Hashes, Indices, draw, keyed

_ASPHALTS = np.array(
    [[96, 96, 98], [112, 110, 106], [80, 80, 84], [132, 128, 122], [150, 140, 128], [104, 100, 98]],
    dtype=np.float32,
)
_FRESH, _WORN = (82.0, 82.0, 86.0), (146.0, 139.0, 128.0)
_PAINTS = np.array(
    [
        [236, 236, 234], [222, 222, 224], [28, 28, 32], [44, 46, 52], [150, 152, 156], [120, 122, 128],
        [150, 30, 30], [40, 66, 120], [190, 184, 168], [60, 80, 60],
    ],
    dtype=np.float32,
)  # fmt: skip
_STALL_PX, _BAY_PX = np.float32(6), np.float32(40)


class Streets(NamedTuple):
    """The street each of some pixels lies on; lengths in pixels."""

    centre_px: Floats  # distance to the centre line
    along_px: Floats
    half_px: Floats  # half the street's width
    crossing_px: Floats  # depth into the crossing street, positive in a junction
    side: Indices  # which side 0..3 (v0, v1, u0, u1) of its block the street bounds


def nearest_street(canvas: Canvas, at: Indices) -> Streets:
    """Describe the street that each pixel lies on; of two that cross, the wider."""
    layout, block = canvas.layout, canvas.layout.block[at]
    blocks, v, u = layout.blocks, canvas.layout.v[at], canvas.layout.u[at]
    width = np.stack([np.take(street, block) for street in blocks.streets])
    depth = np.stack([
        np.take(blocks.v0, block) - v, v - np.take(blocks.v1, block),
        np.take(blocks.u0, block) - u, u - np.take(blocks.u1, block),
    ])  # fmt: skip
    column = np.arange(at.size)
    side_v, side_u = (depth[1] > depth[0]).astype(np.intp), 2 + (depth[3] > depth[2]).astype(np.intp)
    in_v, in_u = depth[side_v, column], depth[side_u, column]
    wider_v = width[side_v, column] >= width[side_u, column]
    along_u = (in_v > 0) & ((in_u <= 0) | wider_v)
    side = np.where(along_u, side_v, side_u)
    half = width[side, column]
    crossing = np.where(along_u, in_u, in_v)
    return Streets(half - depth[side, column], np.where(along_u, u, v), half, crossing, side)


def paint_streets(canvas: Canvas, at: Indices) -> None:
    """Paint asphalt, kerbs and lane markings, then the cars."""
    street = nearest_street(canvas, at)
    centre, along, half, crossing, _ = street
    shade = canvas.texture(at, speckle=0.04, fine=0.03, medium=0.05, coarse=0.07)
    worn = np.clip(
        np.float32(0.45) + np.float32(0.6) * canvas.slow[at] + np.float32(0.2) * canvas.coarse[at], 0, 1
    )
    clear = crossing < np.float32(-3)
    dashed = np.mod(along, np.float32(16)) < np.float32(8)
    marked = (half > np.float32(9.5)) | (dashed & (half > np.float32(5)))
    line = clear & marked & (centre < np.float32(0.7))
    kerb = clear & (half - centre < np.float32(2.2)) & (half > np.float32(4))
    shade += np.float32(0.45) * line + np.float32(0.28) * kerb
    shade -= np.float32(0.07) * (np.abs(centre - half * np.float32(0.45)) < np.float32(0.9))
    canvas.put(at, blended(_FRESH, _WORN, worn, shade), class_id=STREET)
    _drive(canvas, at, street, clear)


def _drive(canvas: Canvas, at: Indices, street: Streets, clear: Flags) -> None:
    """Paint cars: one at most a slot of 20 px, driving in the lane or parked at the kerb."""
    centre, along, half, _, side = street
    slot = np.floor(along / np.float32(20)).astype(np.int64)
    key = keyed(40, canvas.layout.blocks.key[canvas.layout.block[at]], side, slot)
    parked = draw(key, 1) < np.float32(0.6)
    lane = np.where(parked, half - np.float32(4.6), half * np.float32(0.42))
    middle = slot.astype(np.float32) * np.float32(20) + np.float32(6) + np.float32(8) * draw(key, 2)
    there = clear & (half > np.float32(4)) & (draw(key, 3) < np.float32(0.2))
    paint_cars(canvas, at[there], key[there], along=(along - middle)[there], across=(centre - lane)[there])


def paint_cars(canvas: Canvas, at: Indices, key: Hashes, *, along: Floats, across: Floats) -> None:
    """Paint those pixels that lie on a car; positions in pixels from the car's middle."""
    length = np.float32(3.9) + np.float32(1.3) * draw(key, 5)
    body = (np.abs(along) < length) & (np.abs(across) < np.float32(1.9))
    at, along, length = at[body], along[body], length[body]
    front, rear = np.abs(along - np.float32(1.3)), np.abs(along + np.float32(2.4))
    glass = (front < np.float32(0.7)) | (rear < np.float32(0.5))
    shade = canvas.texture(at, speckle=0.03, fine=0.05, medium=0.0, coarse=0.0) - np.float32(0.45) * glass
    canvas.put(at, tinted(_PAINTS, draw(key[body], 6), shade), class_id=CAR)
    canvas.height_px[at] = 3.0


def paint_car_parks(canvas: Canvas, at: Indices) -> None:
    """Paint paved blocks with rows of stalls, some taken."""
    layout, block = canvas.layout, canvas.layout.block[at]
    shade = canvas.texture(at, speckle=0.04, fine=0.03, medium=0.05, coarse=0.08)
    bay = np.floor(layout.v[at] / _BAY_PX).astype(np.int64)
    stall = np.floor(layout.u[at] / _STALL_PX).astype(np.int64)
    across = layout.v[at] - bay.astype(np.float32) * _BAY_PX
    along = layout.u[at] - stall.astype(np.float32) * _STALL_PX
    row = np.floor(across / np.float32(12)).astype(np.int64)
    stalls = (row < 2) & (layout.inside_px[at] > np.float32(5))  # two rows, then the aisle
    shade += np.float32(0.4) * (stalls & (along < np.float32(0.7)))
    pick = draw(layout.blocks.key, 43)[block]
    canvas.put(at, tinted(_ASPHALTS, pick, shade), class_id=STREET)
    key = keyed(41, layout.blocks.key[block], bay, stall, row)
    taken = stalls & (draw(key, 1) < np.float32(0.2) + np.float32(0.6) * draw(layout.blocks.key, 44)[block])
    middle = row.astype(np.float32) * np.float32(12) + np.float32(6) + (draw(key, 2) - np.float32(0.5))
    across, along = (along - np.float32(3.3))[taken], (across - middle)[taken]
    paint_cars(canvas, at[taken], key[taken], along=along, across=across)
