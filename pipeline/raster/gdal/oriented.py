"""Photographs turned upright: the camera's orientation, as EXIF numbers it, undone as the pixels are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Shaped, UInt8

from pipeline.raster.gdal.non_gdal import Area

_FLIPS = {
    1: (False, False, False),
    2: (False, True, False),
    3: (True, True, False),
    4: (True, False, False),
    5: (False, False, True),
    6: (True, False, True),
    7: (True, True, True),
    8: (False, True, True),
}
"""By EXIF's number: whether stored rows and columns are mirrored, and then whether they are transposed."""


class Oriented:
    """An open raster whose rows and columns are those of the upright picture; all else is the raster's own."""

    def __init__(self, source: Any, orientation: int) -> None:  # noqa: ANN401 - rasterio has no types
        self._source = source
        self._rows, self._cols, self._swapped = _FLIPS[orientation]

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the same
        """Return what the raster itself has."""
        return getattr(self._source, name)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        height, width = self._source.shape
        return (width, height) if self._swapped else (height, width)

    @property
    def height(self) -> int:
        """Rows."""
        return self.shape[0]

    @property
    def width(self) -> int:
        """Columns."""
        return self.shape[1]

    def read(self, numbers: Sequence[int], *, window: Area) -> Shaped[np.ndarray, "bands y x"]:
        """Read bands by their numbers from 1."""
        return self._laid(self._source.read(numbers, window=self._stored(window)))

    def read_masks(self, number: int, *, window: Area) -> UInt8[np.ndarray, "y x"]:
        """Read the mask of a band."""
        return self._laid(self._source.read_masks(number, window=self._stored(window)))

    def _stored(self, area: Area) -> Area:
        """Return the rows and columns of the file that an upright area is made of."""
        rows, cols = area[::-1] if self._swapped else area
        height, width = self._source.shape
        return (
            (height - rows[1], height - rows[0]) if self._rows else rows,
            (width - cols[1], width - cols[0]) if self._cols else cols,
        )

    def _laid(self, stored: np.ndarray) -> np.ndarray:
        turned = stored[..., :: -1 if self._rows else 1, :: -1 if self._cols else 1]
        return np.ascontiguousarray(np.moveaxis(turned, -1, -2) if self._swapped else turned)


def oriented(source: Any, orientation: int) -> Any:  # noqa: ANN401 - the same
    """Return an open raster as its ``orientation`` has it upright: itself where it lies so."""
    return source if orientation == 1 else Oriented(source, orientation)
