"""Cut a window into chips and stitch their cores: inverse functions, on a grid of the scene.

Chip cores lie on a grid anchored at the scene's origin, never at a window's, so a chip's pixels are the
same whatever window asked for it, and each output pixel comes from exactly one chip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64, Shaped

from pipeline.geometry.window import Window

FILL = 127
"""The value of pixels without data: mid grey, about what a network's mean is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipLayout:
    """A chip's square core and the context on each side of it, in pixels.

    Raises:
        ValueError: the core is not positive or the halo is negative.
    """

    core_px: int
    halo_px: int

    def __post_init__(self) -> None:
        if self.core_px <= 0 or self.halo_px < 0:
            raise ValueError(f"core_px must be above zero and halo_px at least zero, got {self!r}")

    @property
    def side_px(self) -> int:
        """The side of a whole chip: its core and a halo on either side."""
        return self.core_px + 2 * self.halo_px


def cover(window: Window, layout: ChipLayout) -> Window:
    """Return what to read for ``window``: its whole chip cores and their halo (may leave the scene)."""
    return _cores(window, layout).expand(layout.halo_px)


def mirrored(start: int, end: int, *, length: int) -> Int64[np.ndarray, " n"]:
    """Return which of a scene's ``length`` rows (or columns) stand for the rows ``start .. end``, end excluded.

    Beyond an edge the scene is reflected, its edge repeated, and again where that does not reach: what stands
    there depends on the scene alone.
    """
    indices = np.arange(start, end) % (2 * length)
    return np.minimum(indices, 2 * length - 1 - indices)


def count_chips(window: Window, layout: ChipLayout) -> int:
    """Return how many chips cover ``window``."""
    cores = _cores(window, layout)
    return (cores.height // layout.core_px) * (cores.width // layout.core_px)


def cut(
    pixels: Shaped[np.ndarray, "y x *bands"], *, window: Window, layout: ChipLayout
) -> Shaped[np.ndarray, "b side side *bands"]:
    """Cut the pixels of ``cover(window, layout)`` into chips, row by row, each with its halo.

    Raises:
        ValueError: the array is not of the covering rectangle.
    """
    covered = cover(window, layout)
    if pixels.shape[:2] != covered.shape:
        raise ValueError(f"chips of {window!r} are cut from {covered!r}, got an array of {pixels.shape}")
    side = (layout.side_px, layout.side_px)
    views = np.lib.stride_tricks.sliding_window_view(pixels, side, axis=(0, 1))
    grid = np.moveaxis(views[:: layout.core_px, :: layout.core_px], (-2, -1), (2, 3))
    return np.ascontiguousarray(grid).reshape(-1, *side, *pixels.shape[2:])


def core(
    chips: Shaped[np.ndarray, "b side side *bands"], *, layout: ChipLayout
) -> Shaped[np.ndarray, "b core core *bands"]:
    """Drop the halo of whole chips (a view)."""
    inner = slice(layout.halo_px, layout.halo_px + layout.core_px)
    return chips[:, inner, inner]


def stitch(
    cores: Shaped[np.ndarray, "b core core"], *, window: Window, layout: ChipLayout
) -> Shaped[np.ndarray, "y x"]:
    """Lay the cores of all chips of ``window``, in the order of ``cut``, together and clip to the window.

    Law: ``stitch(core(cut(pixels)))`` is ``pixels`` on the window.

    Raises:
        ValueError: there are not as many cores as the window has chips, or they have another side.
    """
    grid, side = _cores(window, layout), layout.core_px
    expected = (count_chips(window, layout), side, side)
    if cores.shape != expected:
        raise ValueError(f"the chip cores of {window!r} are an array of {expected}, got {cores.shape}")
    blocks = cores.reshape(grid.height // side, grid.width // side, side, side)
    return np.ascontiguousarray(blocks.swapaxes(1, 2).reshape(grid.shape)[window.slices_in(grid)])


def _cores(window: Window, layout: ChipLayout) -> Window:
    """Return ``window`` grown to whole chip cores of the scene's grid."""
    side = layout.core_px
    row_off, col_off = window.row_off // side * side, window.col_off // side * side
    row_end, col_end = -(-window.row_end // side) * side, -(-window.col_end // side) * side
    return Window(row_off, col_off, row_end - row_off, col_end - col_off)
