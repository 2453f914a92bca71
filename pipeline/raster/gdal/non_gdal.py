"""A raster of another library than GDAL, in the words of rasterio's readers that the other rooms ask in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import rasterio
from jaxtyping import Shaped, UInt8
from rasterio.enums import ColorInterp, Interleaving, MaskFlags

ZARR, OPENSLIDE = "Zarr", "OpenSlide"
"""What these libraries are called among the drivers; all others are GDAL's."""

Area = tuple[tuple[int, int], tuple[int, int]]
"""Rows and columns, ends excluded, as rasterio takes a window."""


class Georeference(NamedTuple):
    """Where a raster lies: its CRS and transform, else the height and width of a pixel in m, where known.

    ``warnings`` are what the user is told of it.
    """

    crs: Any = None
    transform: Any = rasterio.Affine.identity()
    pixel_m: tuple[float, float] | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NonGdalRaster:
    """What is known of an open raster, and how more is had of it.

    ``read_area`` reads bands by their numbers from 1, as (bands, y, x). ``levels`` tells the heights and widths of
    the overviews, ``georeference`` where it lies, and ``stored_bytes`` how much is stored, counted no further than it
    is asked for. ``block_bytes`` are those of the largest piece that is decoded at once, of ``block_shape`` rows and
    columns; ``bits`` is set where fewer than eight are used of a byte.
    """

    driver: str
    shape: tuple[int, int]
    dtype: str
    colorinterp: tuple[ColorInterp, ...]
    read_area: Callable[[Sequence[int], Area], Shaped[np.ndarray, "bands y x"]]
    levels: Callable[[], Sequence[tuple[int, int]]]
    georeference: Callable[[], Georeference]
    stored_bytes: Callable[[int], int]
    block_shape: tuple[int, int]
    block_bytes: int
    descriptions: tuple[str | None, ...]
    nodata: float | int | None = None
    bits: int | None = None

    interleaving = Interleaving.pixel
    gcps: tuple[tuple[()], None] = ((), None)
    rpcs: None = None
    subdatasets: tuple[()] = ()

    @property
    def height(self) -> int:
        """Rows."""
        return self.shape[0]

    @property
    def width(self) -> int:
        """Columns."""
        return self.shape[1]

    @property
    def count(self) -> int:
        """Bands, alpha included."""
        return len(self.colorinterp)

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The numpy name of each band's pixels."""
        return (self.dtype,) * self.count

    @property
    def nodatavals(self) -> tuple[float | int | None, ...]:
        """The value without data of each band."""
        return (self.nodata,) * self.count

    @property
    def block_shapes(self) -> list[tuple[int, int]]:
        """Rows and columns of each band's blocks."""
        return [self.block_shape] * self.count

    @property
    def mask_flag_enums(self) -> list[list[MaskFlags]]:
        """By what each band's pixels can be without data."""
        if ColorInterp.alpha in self.colorinterp:
            return [[MaskFlags.per_dataset, MaskFlags.alpha]] * self.count
        return [[MaskFlags.all_valid if self.nodata is None else MaskFlags.nodata]] * self.count

    @property
    def crs(self) -> Any:  # noqa: ANN401 - rasterio has no types
        """Its coordinate reference system, None where it states none."""
        return self.georeference().crs

    @property
    def transform(self) -> Any:  # noqa: ANN401 - the same
        """From (column, row) to its CRS, at pixel corners."""
        return self.georeference().transform

    def overviews(self, band: int) -> list[float]:
        """Return how many pixels those of each overview are high and wide, the same for every band."""
        del band
        return [((self.height * self.width) / (height * width)) ** 0.5 for height, width in self.levels()]

    def tags(self, band: int = 0, *, ns: str | None = None) -> dict[str, str]:
        """Return what rasterio has in words: how many bits are used."""
        del band
        return {"NBITS": str(self.bits)} if ns == "IMAGE_STRUCTURE" and self.bits else {}

    def read(self, numbers: Sequence[int], *, window: Area) -> Shaped[np.ndarray, "bands y x"]:
        """Read bands by their numbers from 1."""
        return self.read_area(numbers, window)

    def read_masks(self, number: int, *, window: Area) -> UInt8[np.ndarray, "y x"]:
        """Return a mask of nothing but data: there is none apart from alpha and no data values."""
        del number
        (top, bottom), (left, right) = window
        return np.full((bottom - top, right - left), 255, np.uint8)

    def colormap(self, number: int) -> dict[int, tuple[int, int, int, int]]:
        """Refuse: no band is of a colour table.

        Raises:
            ValueError: always, as rasterio does.
        """
        raise ValueError(f"band {number} has no colour table")
