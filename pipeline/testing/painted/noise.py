"""Numbers that depend on integer coordinates alone: hashes of cells and lattice noise.

Only operations that IEEE 754 rounds exactly are used (no sine, no power, no matrix product), so a
value is the same in a window of any shape and on every machine. The mixer is Chris Wellon's
`lowbias32`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float32, Float64, Integer, UInt8, UInt32

Floats = Float32[np.ndarray, "..."]
Doubles = Float64[np.ndarray, "..."]
Hashes = UInt32[np.ndarray, "..."]
Indices = Integer[np.ndarray, "..."]
Flags = Bool[np.ndarray, "..."]
Bytes = UInt8[np.ndarray, "..."]

_STEP = 0x9E3779B9
_WORD = 0xFFFFFFFF


def mixed(values: Hashes) -> Hashes:
    """Scatter the bits of each value; a bijection of the 32-bit integers."""
    values = values ^ (values >> np.uint32(16))
    values = values * np.uint32(0x7FEB352D)
    values ^= values >> np.uint32(15)
    values *= np.uint32(0x846CA68B)
    values ^= values >> np.uint32(16)
    return values


def keyed(seed: int, *keys: Indices) -> Hashes:
    """Hash integer arrays, broadcast against each other, under a seed."""
    values = np.array([(seed * _STEP + 1) & _WORD], dtype=np.uint32)
    for key in keys:
        values = mixed(values ^ (np.asarray(key).astype(np.int64) & _WORD).astype(np.uint32)) + np.uint32(
            _STEP
        )
    return mixed(values)


def unit(hashes: Hashes) -> Floats:
    """Map hashes to numbers in [0, 1)."""
    return (hashes >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


def draw(hashes: Hashes, which: int) -> Floats:
    """Return the draw numbered `which`, in [0, 1), of each hashed thing."""
    return unit(mixed(hashes + np.uint32((which * _STEP) & _WORD)))


def wave(phase: Doubles | Floats) -> Floats:
    """Return a sine-like wave of period one in [-1, 1], made of parabolas."""
    turn = (phase - np.floor(phase)).astype(np.float32) - np.float32(0.5)
    value: Floats = np.float32(16) * turn * (np.abs(turn) - np.float32(0.5))
    return value


def smooth(fraction: Floats) -> Floats:
    """Return the cubic step 3 t^2 - 2 t^3."""
    value: Floats = fraction * fraction * (np.float32(3) - np.float32(2) * fraction)
    return value


@dataclass(frozen=True)
class Grid:
    """The centres of all pixels of a rectangle."""

    row_off: int
    col_off: int
    height: int
    width: int

    @cached_property
    def rows(self) -> Indices:
        """The rows, (y,)."""
        return np.arange(self.row_off, self.row_off + self.height, dtype=np.int64)

    @cached_property
    def cols(self) -> Indices:
        """The columns, (x,)."""
        return np.arange(self.col_off, self.col_off + self.width, dtype=np.int64)

    @property
    def y(self) -> Doubles:
        """The middles of the rows, (y, 1)."""
        return self.rows[:, None] + 0.5

    @property
    def x(self) -> Doubles:
        """The middles of the columns, (1, x)."""
        return self.cols[None, :] + 0.5

    def lattice(self, seed: int, cell_px: int) -> Floats:
        """Return smooth noise in [0, 1), interpolated along one axis after the other."""
        row, col = self.rows // cell_px, self.cols // cell_px
        table = _corners(seed, int(row[0]), int(row[-1]), int(col[0]), int(col[-1]))
        fy = smooth(((self.rows % cell_px + 0.5) / cell_px).astype(np.float32))[:, None]
        fx = smooth(((self.cols % cell_px + 0.5) / cell_px).astype(np.float32))
        upper = table[row - row[0]]
        along = upper + (table[row - row[0] + 1] - upper) * fy
        step = np.diff(along, axis=1)
        result = np.take(step, col - col[0], axis=1)
        result *= fx
        result += np.take(along, col - col[0], axis=1)
        value: Floats = result
        return value

    def grain(self, seed: int) -> Hashes:
        """Return one hash a pixel."""
        return mixed(keyed(seed, self.rows)[:, None] ^ keyed(seed + 1, self.cols)[None, :])


@dataclass(frozen=True)
class Points:
    """Loose places."""

    y: Doubles
    x: Doubles

    def lattice(self, seed: int, cell_px: int) -> Floats:
        """Return smooth noise in [0, 1), interpolated between four corners each."""
        fy, fx = self.y / cell_px, self.x / cell_px
        row, col = np.floor(fy).astype(np.int64), np.floor(fx).astype(np.int64)
        if row.size == 0:
            return np.zeros(row.shape, dtype=np.float32)
        top, left = int(row.min()), int(col.min())
        table = _corners(seed, top, int(row.max()), left, int(col.max()))
        ty, tx = smooth((fy - row).astype(np.float32)), smooth((fx - col).astype(np.float32))
        row, col = row - top, col - left
        near = table[row, col] + (table[row + 1, col] - table[row, col]) * ty
        far = table[row, col + 1] + (table[row + 1, col + 1] - table[row, col + 1]) * ty
        value: Floats = near + (far - near) * tx
        return value


Places = Grid | Points


def _corners(seed: int, top: int, bottom: int, left: int, right: int) -> Floats:
    return unit(keyed(seed, np.arange(top, bottom + 2)[:, None], np.arange(left, right + 2)[None, :]))
