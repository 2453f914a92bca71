"""Grass, crops, earth and water: what lies open to the sky."""

# ruff: noqa: PLR2004 - fractions, lengths and tones of a picture: each stands once, where it is painted

import numpy as np

from pipeline.testing.painted.canvas import CROP, EARTH, GRASS, PANEL, WATER, Canvas, blended, tinted
from pipeline.testing.painted.noise import Floats, Indices, draw, wave

_CROPS = np.array(
    [
        [72, 104, 52], [94, 122, 60], [120, 134, 70], [58, 92, 50], [186, 172, 74], [178, 158, 104],
        [196, 176, 128], [142, 116, 84], [118, 94, 72], [100, 84, 68], [150, 146, 92],
    ],
    dtype=np.float32,
)  # fmt: skip
_EARTHS = np.array(
    [
        [196, 176, 140], [176, 150, 116], [150, 122, 92], [168, 160, 148], [140, 132, 120],
        [172, 128, 96], [206, 196, 172], [128, 108, 86],
    ],
    dtype=np.float32,
)  # fmt: skip
_LUSH, _DRY = (74.0, 102.0, 54.0), (164.0, 148.0, 104.0)


def paint_grass(canvas: Canvas, at: Indices) -> None:
    """Paint meadows and lawns, drier in some places than in others."""
    key = canvas.layout.blocks.key
    lot = draw(key, 30)[canvas.layout.block[at]]
    dry = np.float32(canvas.style.dryness * 0.75 - 0.15) + np.float32(0.5) * canvas.slow[at]
    dry += np.float32(0.3) * canvas.coarse[at] + np.float32(0.25) * canvas.medium[at] + np.float32(0.3) * lot
    shade = canvas.texture(at, speckle=0.05, fine=0.07, medium=0.06, coarse=0.06)
    canvas.put(at, blended(_LUSH, _DRY, np.clip(dry, 0, 1), shade), class_id=GRASS)


def paint_earth(canvas: Canvas, at: Indices) -> None:
    """Paint sand, gravel, soil and rubble with heaps and wheel tracks."""
    key = canvas.layout.blocks.key
    block = canvas.layout.block[at]
    rough = draw(key, 32)[block]
    heaps = canvas.medium[at] * rough
    shade = canvas.texture(at, speckle=0.05, fine=0.05, medium=0.0, coarse=0.12) + np.float32(0.13) * heaps
    shade += np.float32(0.10) * rough * canvas.fine[at] * (canvas.medium[at] > np.float32(0.25))
    track = np.abs(canvas.coarse[at] + np.float32(0.3) * canvas.slow[at])
    rut = np.abs(track - np.float32(0.09)) < np.float32(0.022)
    shade -= np.float32(0.13) * (rut & (rough < np.float32(0.7)))
    spread = np.clip(np.float32(0.5) + canvas.coarse[at] + np.float32(0.5) * canvas.medium[at], 0, 1) * rough
    first = tinted(_EARTHS, draw(key, 31)[block], shade * (np.float32(1) - spread))
    second = tinted(_EARTHS, draw(key, 33)[block], shade * spread)
    canvas.put(at, (first[0] + second[0], first[1] + second[1], first[2] + second[2]), class_id=EARTH)


def paint_crops(canvas: Canvas, at: Indices) -> None:
    """Paint fields: rows in each block's own direction, spacing and colour, tram lines, bare spots."""
    key, block = canvas.layout.blocks.key, canvas.layout.block[at]
    across = _across(canvas, at, turn=draw(key, 34)[block])
    pitch = (np.float32(3) + np.float32(7) * draw(key, 35) * draw(key, 36))[block]
    depth = (np.float32(0.05) + np.float32(0.17) * draw(key, 37))[block]
    rows = wave(across / pitch) * depth
    strip = np.floor(across / np.float32(260)).astype(np.int64)
    pick = np.mod(draw(key, 38)[block] + np.float32(0.381) * strip.astype(np.float32), np.float32(1))
    tram = np.abs(wave(across / np.float32(44))) < np.float32(0.05)
    patchy = draw(key, 39)[block] * np.float32(0.16)
    shade = canvas.texture(at, speckle=0.03, fine=0.04, medium=0.04, coarse=0.0)
    shade += rows + patchy * canvas.coarse[at] - np.float32(0.10) * tram
    canvas.put(at, tinted(_CROPS, pick, shade), class_id=CROP)


def paint_arrays(canvas: Canvas, at: Indices) -> None:
    """Paint solar plants: rows of panels over grass."""
    paint_grass(canvas, at)
    layout = canvas.layout
    key, block = layout.blocks.key, layout.block[at]
    pitch = np.float32(12) + np.float32(7) * draw(key, 41)[block]
    across = np.mod(layout.v[at], pitch)
    along = np.mod(layout.u[at], np.float32(46))
    panel = (across < pitch * np.float32(0.58)) & (along > np.float32(4)) & (layout.inside_px[at] > 9)
    paint_panels(canvas, at[panel], across=across[panel], along=along[panel])
    canvas.height_px[at[panel]] = 2.5


def paint_panels(canvas: Canvas, at: Indices, *, across: Floats, along: Floats) -> None:
    """Paint solar panels given the position, in pixels, on the pane."""
    frame = (np.mod(along, np.float32(5)) < np.float32(0.8)) | (
        np.mod(across, np.float32(4)) < np.float32(0.6)
    )
    shade = canvas.texture(at, speckle=0.04, fine=0.03, medium=0.02, coarse=0.16)
    shade += np.float32(0.5) * frame
    weight = np.clip(np.float32(0.5) + canvas.slow[at], 0, 1)
    canvas.put(at, blended((34.0, 42.0, 72.0), (48.0, 52.0, 62.0), weight, shade), class_id=PANEL)


def paint_water(canvas: Canvas, at: Indices) -> None:
    """Paint lakes and rivers: murky to clear by place, shallows, wind ripples."""
    murky = np.clip(np.float32(0.5) + np.float32(0.9) * canvas.slow[at], 0, 1)
    shallow = np.clip(np.float32(1) - canvas.layout.water_px[at] / np.float32(22), 0, 1)
    ripple = np.float32(0.04) * canvas.medium[at] + np.float32(0.05) * canvas.coarse[at]
    shade = np.float32(1) + ripple + np.float32(0.025) * canvas.fine[at] + np.float32(0.3) * shallow
    shade += np.float32(0.35) * (canvas.speckle[at] * canvas.coarse[at] > np.float32(0.62))
    clear, mud = ((30.0, 54.0, 70.0), (84.0, 92.0, 66.0))
    canvas.put(at, blended(clear, mud, murky, shade), class_id=WATER)


def _across(canvas: Canvas, at: Indices, *, turn: Floats) -> Floats:
    """Return the position in pixels across rows turned by a draw in [0, 1), in the blocks' frame."""
    tangent = np.float32(2) * turn - np.float32(1)
    square = tangent * tangent
    down, right = np.float32(2) * tangent, np.float32(1) - square
    bend = np.float32(5) * canvas.coarse[at] * (turn < np.float32(0.4))
    place = canvas.layout.v[at] * down + canvas.layout.u[at] * right
    value: Floats = place / (np.float32(1) + square) + bend
    return value
