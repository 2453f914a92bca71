"""The rectangle being painted: colour, class and height of every pixel, and its grain."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.testing.painted.layout import Layout
from pipeline.testing.painted.noise import Bytes, Floats, Grid, Hashes, Indices
from pipeline.testing.painted.style import Style

STREET, ROOF, TREE, GRASS, CROP, WATER, EARTH, CAR, POOL, PANEL = range(1, 11)


@dataclass(frozen=True)
class Canvas:
    """Flat arrays over the pixels of a grid; painters write into them at flat indices."""

    style: Style
    grid: Grid
    layout: Layout
    red: Floats
    green: Floats
    blue: Floats
    truth: Bytes
    height_px: Floats

    def put(self, at: Indices, colour: tuple[Floats, Floats, Floats], *, class_id: int) -> None:
        """Paint pixels in a colour (each channel broadcast to them, 0..255) and a class."""
        self.red[at], self.green[at], self.blue[at] = colour
        self.truth[at] = class_id

    @cached_property
    def grain(self) -> Hashes:
        """One hash a pixel."""
        return self.grid.grain(self.style.salt(20)).ravel()

    @cached_property
    def speckle(self) -> Floats:
        """White noise in [-1, 1)."""
        return (self.grain & np.uint32(0xFF)).astype(np.float32) / np.float32(128) - np.float32(1)

    @cached_property
    def fine(self) -> Floats:
        """Noise of features 3 px wide, in [-1, 1)."""
        return self._signed(21, 3)

    @cached_property
    def medium(self) -> Floats:
        """Noise of features 13 px wide, in [-1, 1)."""
        return self._signed(22, 13)

    @cached_property
    def coarse(self) -> Floats:
        """Noise of features 70 px wide, in [-1, 1)."""
        return self._signed(23, 70)

    @cached_property
    def slow(self) -> Floats:
        """Noise of features 500 px wide, in [-1, 1)."""
        return self._signed(24, 500)

    def texture(self, at: Indices, *, speckle: float, fine: float, medium: float, coarse: float) -> Floats:
        """Return a brightness factor around one for pixels, of the given amplitudes."""
        value: Floats = np.float32(speckle) * self.speckle[at]
        value += np.float32(fine) * self.fine[at]
        value += np.float32(medium) * self.medium[at]
        value += np.float32(coarse) * self.coarse[at]
        value += np.float32(1)
        return value

    def _signed(self, number: int, cell_px: int) -> Floats:
        return (self.grid.lattice(self.style.salt(number), cell_px) * np.float32(2) - np.float32(1)).ravel()


def blank(style: Style, grid: Grid, layout: Layout) -> Canvas:
    """Return an unpainted canvas."""
    size = grid.height * grid.width
    red, green, blue, height = (np.zeros(size, dtype=np.float32) for _ in range(4))
    return Canvas(style, grid, layout, red, green, blue, np.zeros(size, dtype=np.uint8), height)


def tinted(palette: Floats, pick: Floats, shade: Floats) -> tuple[Floats, Floats, Floats]:
    """Return colours of a palette (n, 3), chosen by draws in [0, 1), times a brightness."""
    row = (pick * np.float32(len(palette))).astype(np.intp)
    return palette[row, 0] * shade, palette[row, 1] * shade, palette[row, 2] * shade


def blended(
    first: tuple[float, float, float], second: tuple[float, float, float], weight: Floats, shade: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return colours between two, times a brightness."""
    red, green, blue = (
        (np.float32(a) + np.float32(b - a) * weight) * shade for a, b in zip(first, second, strict=True)
    )
    return red, green, blue
