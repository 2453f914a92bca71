"""A scene's chips: squares on a grid of its origin, which overlap, and the squares of pixels that are told apart.

The grid is anchored at the scene's origin, never at a window's, so a chip's pixels are the same whatever window asked
for it. Where chips overlap, what they show is blended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64, Shaped

from pipeline.geometry.window import Window

FILL = 127
"""The value of pixels without data: mid grey, about what a network's mean is."""

CELL_PLACES = 8
"""How many places a cell, in which features are told apart, is high and wide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipLayout:
    """A chip's side, the step from one chip to the next, and the side of a place, in pixels.

    Chip (i, j) begins at row i * step_px and column j * step_px, and overlaps the next one by side_px - step_px. Places
    are squares of ``stride_px`` a side, from the scene's origin on.

    Raises:
        ValueError: step or stride is not positive, chips leave gaps, or one of them is not made of whole places.
    """

    side_px: int
    step_px: int
    stride_px: int

    def __post_init__(self) -> None:
        if not 0 < self.step_px <= self.side_px or self.stride_px <= 0:
            raise ValueError(
                f"step_px and stride_px must be above zero and step_px at most side_px, got {self!r}"
            )
        if self.side_px % self.stride_px or self.step_px % self.stride_px:
            raise ValueError(f"side_px and step_px must be multiples of stride_px, got {self!r}")

    @property
    def cell_px(self) -> int:
        """The side of a cell: a square of ``CELL_PLACES`` places a side, from the scene's origin on."""
        return CELL_PLACES * self.stride_px


@dataclass(frozen=True, slots=True)
class ChipGrid:
    """Some chips of a scene: those of ``rows`` and ``cols`` of its grid."""

    layout: ChipLayout
    rows: range
    cols: range

    def __len__(self) -> int:
        """Return how many chips there are."""
        return len(self.rows) * len(self.cols)

    @property
    def area(self) -> Window:
        """The rectangle that the chips cover (may leave the scene)."""
        side_px, step_px = self.layout.side_px, self.layout.step_px
        height, width = ((len(each) - 1) * step_px + side_px for each in (self.rows, self.cols))
        return Window(self.rows[0] * step_px, self.cols[0] * step_px, height, width)

    def chips(self) -> Iterator[Window]:
        """Yield the squares of the chips, row by row (they may leave the scene)."""
        side_px, step_px = self.layout.side_px, self.layout.step_px
        for row in self.rows:
            for col in self.cols:
                yield Window(row * step_px, col * step_px, side_px, side_px)

    def cut(
        self, pixels: Shaped[np.ndarray, "y x *bands"]
    ) -> Shaped[np.ndarray, "rows cols side side *bands"]:
        """Return the pixels of ``area`` as those of each chip: a view, not to be written to.

        Raises:
            ValueError: the array is not of the area.
        """
        if pixels.shape[:2] != self.area.shape:
            raise ValueError(f"chips are cut from {self.area!r}, got an array of {pixels.shape}")
        side, step_px = (self.layout.side_px, self.layout.side_px), self.layout.step_px
        views = np.lib.stride_tricks.sliding_window_view(pixels, side, axis=(0, 1))
        return np.moveaxis(views[::step_px, ::step_px], (-2, -1), (2, 3))


def chips_of(window: Window, layout: ChipLayout, *, scene_px: tuple[int, int]) -> ChipGrid:
    """Return the chips by which ``window`` is labelled: all that cover it, and the cells around it, inside the scene.

    A scene of ``scene_px`` (height, width) has the fewest chips that cover it; the last of a row or column may reach
    beyond it.
    """
    ring = window.expand(layout.cell_px)
    rows = _covering(ring.row_off, ring.row_end, layout, length_px=scene_px[0])
    return ChipGrid(layout, rows, _covering(ring.col_off, ring.col_end, layout, length_px=scene_px[1]))


def cover(window: Window, layout: ChipLayout, *, scene_px: tuple[int, int]) -> Window:
    """Return what to read for ``window``: all of the chips by which it is labelled (may leave the scene)."""
    return chips_of(window, layout, scene_px=scene_px).area


def count_chips(window: Window, layout: ChipLayout, *, scene_px: tuple[int, int]) -> int:
    """Return how many chips ``window`` is labelled by."""
    return len(chips_of(window, layout, scene_px=scene_px))


def mirrored(start: int, end: int, *, length: int) -> Int64[np.ndarray, " n"]:
    """Return which of a scene's ``length`` rows (or columns) stand for the rows ``start .. end``, end excluded.

    Beyond an edge the scene is reflected, its edge repeated, and again where that does not reach: what stands
    there depends on the scene alone.
    """
    indices = np.arange(start, end) % (2 * length)
    return np.minimum(indices, 2 * length - 1 - indices)


def ramp(points: int) -> Float32[np.ndarray, " points"]:
    """Return what weight a chip has at the middles of so many equal parts of its side, before blending.

    It falls from the chip's middle to zero at its edges: the lesser of t and 1 - t, with t from 0 to 1 over the side.
    """
    along = (np.arange(points, dtype=np.float32) + np.float32(0.5)) / np.float32(points)
    falling: np.ndarray = np.minimum(along, np.float32(1) - along)
    return falling


def _covering(start: int, end: int, layout: ChipLayout, *, length_px: int) -> range:
    """Return the rows (or columns) of a scene's grid whose chips cover any of its pixels ``start .. end``."""
    start, end = max(start, 0), min(end, length_px)
    side_px, step_px = layout.side_px, layout.step_px
    first = (start - side_px) // step_px + 1
    last = (end - 1) // step_px
    last_of_scene = max(0, -((side_px - length_px) // step_px))
    return range(max(first, 0), min(last, last_of_scene) + 1)
