"""Trees: one at most in each cell of three jittered rasters, dense or sparse as the land has it."""

from dataclasses import dataclass

import numpy as np

from pipeline.testing.painted.canvas import PANEL, ROOF, TREE, Canvas, tinted
from pipeline.testing.painted.layout import BARE, CAR_PARK, FIELD, HALLS, HOUSES, PARK, TOWN, lay_out
from pipeline.testing.painted.noise import Floats, Hashes, Indices, Points, draw, keyed
from pipeline.testing.painted.style import Style

_LEAVES = np.array(
    [
        [46, 72, 36], [56, 84, 42], [70, 94, 48], [40, 62, 40], [84, 98, 50], [60, 76, 34],
        [34, 52, 34], [110, 106, 54],
    ],
    dtype=np.float32,
)  # fmt: skip
_CHANCE = np.zeros(8, dtype=np.float32)
_CHANCE[[HOUSES, TOWN, HALLS, CAR_PARK, PARK, FIELD, BARE]] = [0.42, 0.22, 0.12, 0.10, 0.5, 0.01, 0.06]


@dataclass(frozen=True)
class _Crowns:
    """One tree a cell; a radius of zero is no tree. Sizes and positions in pixels."""

    key: Hashes
    y: Floats
    x: Floats
    radius_px: Floats


def paint_trees(canvas: Canvas) -> None:
    """Paint crowns over whatever is lower than they."""
    for number, cell_px in ((1, 17), (2, 30), (3, 23)):
        _paint_raster(canvas, number, cell_px)


def _paint_raster(canvas: Canvas, number: int, cell_px: int) -> None:
    """Paint the trees of one raster, whose rows are shifted against each other."""
    grid, style = canvas.grid, canvas.style
    row = grid.rows // cell_px
    moved = grid.cols[None, :] + _shift(style, number, cell_px, row)[:, None]
    top, left = int(row[0]), int(grid.cols[0]) // cell_px
    rows = np.arange(top, int(row[-1]) + 1)
    cols = np.arange(left, int(grid.cols[-1]) // cell_px + 2)
    crowns = _grow(style, number, cell_px, np.repeat(rows, cols.size), np.tile(cols, rows.size))
    cell = ((row - top)[:, None] * cols.size + (moved // cell_px - left)).ravel()
    standing = np.take(crowns.radius_px, cell) > 0
    standing &= (canvas.truth != ROOF) & (canvas.truth != PANEL)
    at = np.flatnonzero(standing)
    inner_y, inner_x = np.broadcast_to((grid.rows % cell_px)[:, None], moved.shape), moved % cell_px
    dy = inner_y.ravel()[at].astype(np.float32) + np.float32(0.5) - crowns.y[cell[at]]
    dx = inner_x.ravel()[at].astype(np.float32) + np.float32(0.5) - crowns.x[cell[at]]
    _paint_crowns(canvas, at, cell[at], crowns, (dy, dx))


def _paint_crowns(
    canvas: Canvas, at: Indices, cell: Indices, crowns: _Crowns, place: tuple[Floats, Floats]
) -> None:
    """Paint the pixels that lie inside crowns; `place` is (dy, dx) in pixels from the trunk."""
    dy, dx = place
    radius = crowns.radius_px[cell]
    height = radius * np.float32(0.9) + np.float32(3)
    away = np.sqrt(dy * dy + dx * dx) / radius
    ragged = np.float32(0.86) + np.float32(0.2) * canvas.fine[at]
    shown = (away < ragged) & (height > canvas.height_px[at])
    at, cell, away, height = at[shown], cell[shown], away[shown], height[shown]
    facing = dy[shown] * np.float32(canvas.style.sun_y) + dx[shown] * np.float32(canvas.style.sun_x)
    shade = np.float32(0.92) + np.float32(0.36) * facing / radius[shown] - np.float32(0.2) * away * away
    shade *= canvas.texture(at, speckle=0.08, fine=0.2, medium=0.05, coarse=0.05)
    tone = np.float32(0.5) * draw(crowns.key, 5)[cell] + np.float32(0.25) * (canvas.slow[at] + np.float32(1))
    canvas.put(at, tinted(_LEAVES, np.mod(tone, np.float32(1)), shade), class_id=TREE)
    canvas.height_px[at] = height


def _shift(style: Style, number: int, cell_px: int, row: Indices) -> Indices:
    """Return by how many pixels each row of a raster's cells is shifted to the left."""
    return (draw(keyed(style.salt(50 + number), row), 0) * np.float32(cell_px)).astype(np.int64)


def _grow(style: Style, number: int, cell_px: int, row: Indices, col: Indices) -> _Crowns:
    """Return the trees of cells, given their rows and columns in the raster."""
    key = keyed(style.salt(60 + number), row, col)
    half = np.float32(cell_px / 2)
    radius = half * (np.float32(0.5) + np.float32(0.5) * draw(key, 1))
    y = radius + (np.float32(cell_px) - np.float32(2) * radius) * draw(key, 2)
    x = radius + (np.float32(cell_px) - np.float32(2) * radius) * draw(key, 3)
    left = col * cell_px - _shift(style, number, cell_px, row)
    places = Points(row * cell_px + y.astype(np.float64), left + x.astype(np.float64))
    radius = np.where(draw(key, 4) < _chance(style, places), radius, np.float32(0))
    return _Crowns(key, y, x, radius)


def _chance(style: Style, places: Points) -> Floats:
    """Return how likely a tree stands at each place."""
    layout = lay_out(style, places)
    blocks, block = layout.blocks, layout.block
    kind = blocks.kind[block]
    wooded = (kind == PARK) & (draw(blocks.key, 55)[block] < np.float32(0.45))
    grove = places.lattice(style.salt(70), 90)
    chance = _CHANCE[kind] * np.float32(2) * grove * np.float32(1.15 - 0.5 * style.dryness)
    chance = np.where(wooded, np.float32(0.95) * (grove > np.float32(0.25)), chance)
    hedged = (draw(blocks.key, 56) < np.float32(0.4))[block]
    hedge = hedged & (kind == FIELD) & (layout.inside_px < np.float32(9))
    chance = np.where(hedge, np.float32(0.75), chance)
    shore = (layout.water_px > np.float32(-45)) & (grove > np.float32(0.5))
    chance = np.where(shore, np.maximum(chance, np.float32(0.6)), chance)
    paved = (layout.inside_px < np.float32(3)) & (kind != FIELD)
    return np.where(paved | (layout.water_px > np.float32(-6)), np.float32(0), chance)
