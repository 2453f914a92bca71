"""What a client should find in the store of a made scene: values that were put in, and levels by brute force."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj
from jaxtyping import Bool, UInt

Transform = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle:
    """A made scene: its place, names and colours by class id, and the class ids of each level, the finest first.

    ``pixel_m`` is how large a pixel of a slide is, which has no CRS.
    """

    crs: str | None
    transform: Transform
    names: tuple[str, ...]
    colors: tuple[str, ...]
    levels: tuple[UInt[np.ndarray, "y x"], ...]
    pixel_m: float | None = None

    @property
    def class_ids(self) -> UInt[np.ndarray, "y x"]:
        return self.levels[0]

    @property
    def nodata(self) -> int:
        return int(np.iinfo(self.class_ids.dtype).max)

    @property
    def side(self) -> float:
        """How long a pixel's side is, in the unit of the CRS; pixels are square."""
        a, _, _, d, _, _ = self.transform
        return float(np.hypot(a, d))

    def transform_of(self, level: int) -> Transform:
        a, b, c, d, e, f = self.transform
        return a * 2**level, b * 2**level, c, d * 2**level, e * 2**level, f

    def facts(self) -> dict[str, Any]:
        """Return all that a client can tell, as JSON has it; of lists, the item of each level."""
        return {
            "crs": self.crs,
            "transforms": [list(self.transform_of(level)) for level in range(len(self.levels))],
            "nodata": self.nodata,
            "names": list(self.names),
            "words": ["_".join(name.split()) for name in self.names],
            "colors": list(self.colors),
            "dtype": self.class_ids.dtype.name,
            "shapes": [list(level.shape) for level in self.levels],
            "digests": [digest(level) for level in self.levels],
            "valid": digest(self.class_ids != self.nodata),
        }

    @property
    def bounds(self) -> list[float]:
        """The least and the greatest x and y of the four corners: xmin, ymin, xmax, ymax."""
        height, width = self.class_ids.shape
        corners = [self._at(row, col) for row in (0, height) for col in (0, width)]
        return [float(side) for end in (min, max) for side in (end(xy) for xy in zip(*corners, strict=True))]

    def _at(self, row: float, col: float) -> tuple[float, float]:
        a, b, c, d, e, f = self.transform
        return a * col + b * row + c, d * col + e * row + f

    def lonlat(self, row: int, col: int) -> tuple[float, float]:
        """Return longitude and latitude of the middle of a pixel."""
        to_lonlat = pyproj.Transformer.from_crs(self.crs, 4326, always_xy=True)
        lon, lat = to_lonlat.transform(*self._at(row + 0.5, col + 0.5))
        return float(lon), float(lat)

    def seen_at(self, x: np.ndarray, y: np.ndarray, crs: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the class ids at these places, no data beyond the scene, and where all around is of the same class."""
        x, y = pyproj.Transformer.from_crs(crs, self.crs, always_xy=True).transform(x, y)
        a, b, c, d, e, f = self.transform
        cols, rows = np.linalg.solve([[a, b], [d, e]], np.stack([(x - c).ravel(), (y - f).ravel()]))
        at = np.floor(rows).astype(int).reshape(x.shape), np.floor(cols).astype(int).reshape(x.shape)
        height, width = self.class_ids.shape
        around = 3
        far = np.pad(self.class_ids, 2 * around, constant_values=self.nodata)
        row, col = (
            np.clip(each + 2 * around, around, side + 3 * around - 1)
            for each, side in zip(at, (height, width), strict=True)
        )
        return far[row, col], _even(far, around=around)[row, col]


def _even(class_ids: np.ndarray, *, around: int) -> Bool[np.ndarray, "y x"]:
    """Tell of which pixels all that are ``around`` are of the same class."""
    least = greatest = class_ids
    for axis in (0, 1):
        steps = range(-around, around + 1)
        least = np.minimum.reduce([np.roll(least, step, axis) for step in steps])
        greatest = np.maximum.reduce([np.roll(greatest, step, axis) for step in steps])
    return np.asarray(least == greatest)


def digest(array: np.ndarray) -> str:
    """Return the SHA-256 of an array's bytes, row by row."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def levels(class_ids: UInt[np.ndarray, "y x"], *, most_px: int) -> Iterator[UInt[np.ndarray, "y x"]]:
    """Yield the scene and its levels, each of two by two pixels of the one before, until both sides are small."""
    yield class_ids
    while max(class_ids.shape) > most_px:
        class_ids = _coarser(class_ids)
        yield class_ids


def _coarser(class_ids: UInt[np.ndarray, "y x"]) -> UInt[np.ndarray, "y x"]:
    """Return the class of most of each two by two pixels, else the first one, row by row; no data has no vote."""
    nodata = np.iinfo(class_ids.dtype).max
    height, width = class_ids.shape
    padded = np.pad(class_ids, ((0, height % 2), (0, width % 2)), constant_values=nodata)
    four = np.stack([padded[row::2, col::2] for row in (0, 1) for col in (0, 1)])
    votes = np.where(four == nodata, 0, (four[:, None] == four[None]).sum(axis=0))
    return np.asarray(np.take_along_axis(four, votes.argmax(axis=0)[None], axis=0)[0])
