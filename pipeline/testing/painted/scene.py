"""One painted piece after another: open land, streets, buildings, trees, light."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import UInt8

from pipeline.geometry.window import Window
from pipeline.testing.painted.buildings import paint_built
from pipeline.testing.painted.canvas import Canvas, blank
from pipeline.testing.painted.grounds import paint_arrays, paint_crops, paint_earth, paint_grass, paint_water
from pipeline.testing.painted.layout import (
    AVENUE_PX,
    BARE,
    CAR_PARK,
    FIELD,
    PARK,
    SOLAR,
    TRACK_PX,
    lay_out,
)
from pipeline.testing.painted.light import MARGIN_PX, develop
from pipeline.testing.painted.lots import BUILT
from pipeline.testing.painted.noise import Grid, Indices
from pipeline.testing.painted.streets import nearest_street, paint_car_parks, paint_streets
from pipeline.testing.painted.style import Style, style_of
from pipeline.testing.painted.trees import paint_trees

_PIECE_PX = 512


def paint(window: Window, *, seed: int) -> tuple[UInt8[np.ndarray, "y x 3"], UInt8[np.ndarray, "y x"]]:
    """Paint a window of the scene of a seed.

    Returns the picture, RGB, and the class id of every pixel: 1..10 in the order of `CLASSES`.
    """
    picture = np.empty((window.height, window.width, 3), dtype=np.uint8)
    truth = np.empty((window.height, window.width), dtype=np.uint8)
    style = style_of(seed)
    for piece in _pieces(window):
        place = piece.slices_in(window)
        picture[place], truth[place] = _paint_piece(style, piece)
    return picture, truth


def _pieces(window: Window) -> Iterator[Window]:
    """Cut a window into pieces that fit the processor's cache."""
    for row in range(window.row_off, window.row_end, _PIECE_PX):
        for col in range(window.col_off, window.col_end, _PIECE_PX):
            yield Window(row, col, min(_PIECE_PX, window.row_end - row), min(_PIECE_PX, window.col_end - col))


def _paint_piece(style: Style, piece: Window) -> tuple[UInt8[np.ndarray, "y x 3"], UInt8[np.ndarray, "y x"]]:
    around = piece.expand(MARGIN_PX)
    grid = Grid(around.row_off, around.col_off, around.height, around.width)
    canvas = blank(style, grid, lay_out(style, grid))
    _paint_ground(canvas)
    paint_trees(canvas)
    truth = canvas.truth.reshape(around.height, around.width)
    return develop(canvas), truth[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]


def _paint_ground(canvas: Canvas) -> None:
    """Paint everything but trees: open land first, then streets and water, buildings last."""
    layout = canvas.layout
    kind = np.take(layout.blocks.kind, layout.block)
    wet, street = layout.water_px > 0, layout.inside_px < 0
    beach = ~wet & ~street & (layout.water_px > np.float32(-9)) & (canvas.coarse > np.float32(-0.3))
    land = ~wet & ~street & ~beach
    paint_earth(canvas, np.flatnonzero(beach | (land & (kind == BARE))))
    paint_grass(canvas, np.flatnonzero(land & (kind == PARK)))
    verge = layout.inside_px < np.float32(4)
    paint_grass(canvas, np.flatnonzero(land & (kind == FIELD) & verge))
    paint_crops(canvas, np.flatnonzero(land & (kind == FIELD) & ~verge))
    paint_arrays(canvas, np.flatnonzero(land & (kind == SOLAR)))
    paint_car_parks(canvas, np.flatnonzero(land & (kind == CAR_PARK)))
    paint_water(canvas, np.flatnonzero(wet))
    _paint_ways(canvas, np.flatnonzero(street))
    paint_built(canvas, np.flatnonzero(~street & np.isin(kind, BUILT)))


def _paint_ways(canvas: Canvas, at: Indices) -> None:
    """Paint streets, and tracks where they are narrow; avenues alone bridge water."""
    half_px = nearest_street(canvas, at).half_px
    wet, narrow = canvas.layout.water_px[at] > 0, half_px < TRACK_PX
    paint_earth(canvas, at[narrow & ~wet])
    paint_streets(canvas, at[~narrow & (~wet | (half_px >= AVENUE_PX))])
