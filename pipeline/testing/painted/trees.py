"""Trees: one at most in each cell of two jittered rasters, dense or sparse as the land has it."""

from dataclasses import dataclass

import numpy as np

from pipeline.testing.painted.canvas import PANEL, ROOF, TREE, Canvas, tinted
from pipeline.testing.painted.layout import BARE, CAR_PARK, FIELD, HALLS, HOUSES, PARK, TOWN, lay_out
from pipeline.testing.painted.noise import Floats, Grid, Hashes, Points, draw, keyed
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
    for number, cell_px in ((1, 17), (2, 30)):
        _paint_raster(canvas, number, cell_px)


def _paint_raster(canvas: Canvas, number: int, cell_px: int) -> None:
    """Paint the trees of one raster, whose rows are shifted against each other."""
    grid, style = canvas.grid, canvas.style
    row = grid.rows // cell_px
    shift = (draw(keyed(style.salt(50 + number), row), 0) * np.float32(cell_px)).astype(np.int64)
    moved = grid.cols[None, :] + shift[:, None]
    col = moved // cell_px
    top, left = int(row[0]), int(grid.cols[0]) // cell_px
    rows = np.arange(top, int(row[-1]) + 1)
    cols = np.arange(left, int(grid.cols[-1]) // cell_px + 2)
    crowns = _grow(style, number, cell_px, np.repeat(rows, cols.size), np.tile(cols, rows.size))
    cell = ((row - top)[:, None] * cols.size + (col - left)).ravel()
    at = np.flatnonzero(np.take(crowns.radius_px, cell) > 0)
    cell = cell[at]
    inner_y = np.broadcast_to((grid.rows % cell_px)[:, None], moved.shape).ravel()[at]
    dy = inner_y.astype(np.float32) + np.float32(0.5) - crowns.y[cell]
    dx = (moved % cell_px).ravel()[at].astype(np.float32) + np.float32(0.5) - crowns.x[cell]
    radius = crowns.radius_px[cell]
    ragged = radius * (np.float32(0.86) + np.float32(0.2) * canvas.fine[at])
    distance = np.sqrt(dy * dy + dx * dx)
    height = radius * np.float32(0.9) + np.float32(3)
    shown = (distance < ragged) & (canvas.truth[at] != ROOF) & (canvas.truth[at] != PANEL)
    at, cell, dy, dx, radius, distance = (
        value[shown] for value in (at, cell, dy, dx, radius, distance)
    )
    facing = (dy * np.float32(style.sun_y) + dx * np.float32(style.sun_x)) / radius
    shade = np.float32(0.92) + np.float32(0.36) * facing - np.float32(0.2) * (distance / radius) ** 2
    shade *= canvas.texture(at, speckle=0.08, fine=0.2, medium=0.05, coarse=0.05)
    pick = np.mod(draw(crowns.key, 5)[cell] * np.float32(0.5) + np.float32(0.25) * (canvas.slow[at] + 1), 1)
    canvas.put(at, tinted(_LEAVES, pick, shade), class_id=TREE)
    canvas.height_px[at] = height[shown]


def _grow(style: Style, number: int, cell_px: int, row: Grid, col: Grid) -> _Crowns:
    """Return the trees of cells, given their rows and columns in the raster."""
    key = keyed(style.salt(60 + number), row, col)
    half = np.float32(cell_px / 2)
    radius = half * (np.float32(0.5) + np.float32(0.5) * draw(key, 1))
    y = radius + (np.float32(cell_px) - np.float32(2) * radius) * draw(key, 2)
    x = radius + (np.float32(cell_px) - np.float32(2) * radius) * draw(key, 3)
    shift = (draw(keyed(style.salt(50 + number), row), 0) * np.float32(cell_px)).astype(np.int64)
    places = Points(row * cell_px + y.astype(np.float64), col * cell_px - shift + x.astype(np.float64))
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
    hedge = (kind == FIELD) & (layout.inside_px < np.float32(9)) & (draw(blocks.key, 56)[block] < np.float32(0.4))
    chance = np.where(hedge, np.float32(0.75), chance)
    shore = (layout.water_px > np.float32(-45)) & (grove > np.float32(0.5))
    chance = np.where(shore, np.maximum(chance, np.float32(0.6)), chance)
    paved = (layout.inside_px < np.float32(3)) & (kind != FIELD)
    return np.where(paved | (layout.water_px > np.float32(-6)), np.float32(0), chance)
