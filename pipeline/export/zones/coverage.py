"""The door to exactextract: which pixels of a window a polygon covers, and how much of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from exactextract import exact_extract
from exactextract.feature import Feature, FeatureSource
from exactextract.raster import NumPyRasterSource
from exactextract.writer import Writer
from jaxtyping import Float64, Int64

from pipeline.geometry.window import Window

Tell = Callable[[int, Int64[np.ndarray, "n"], Float64[np.ndarray, "n"]], None]
"""Is told of each polygon by its index: the pixels it covers, counted row by row, and the part of each, up to 1."""


def tell_coverage(polygons: Sequence[bytes], window: Window, tell: Tell) -> None:
    """Tell what each of ``polygons`` (WKB in columns and, upwards, negative rows of the scene) covers of a window.

    One is told after the other, so that memory holds the pixels of one. A part is exact to some 1e-7 of itself.
    """
    grid = NumPyRasterSource(
        np.broadcast_to(np.uint8(0), window.shape),
        xmin=window.col_off,
        ymin=-window.row_end,
        xmax=window.col_end,
        ymax=-window.row_off,
    )
    exact_extract(grid, _Polygons(polygons), ["cell_id", "coverage"], output=_Telling(tell))


class _Polygon(Feature):  # type: ignore[misc] # exactextract has no types
    """A polygon, and what was found of it."""

    def __init__(self, wkb: bytes = b"") -> None:
        super().__init__()
        self._wkb = wkb
        self.found: dict[str, np.ndarray] = {}

    def geometry(self) -> bytes:
        return self._wkb

    def fields(self) -> list[str]:
        return []

    def set(self, name: str, value: np.ndarray) -> None:
        self.found[name] = value

    def set_geometry(self, _: object) -> None:
        pass  # exactextract gives none back, and asks for this all the same

    def set_geometry_format(self) -> str:
        return "wkb"


class _Polygons(FeatureSource):  # type: ignore[misc]
    def __init__(self, polygons: Sequence[bytes]) -> None:
        super().__init__()
        self._polygons = polygons

    def count(self) -> int:
        return len(self._polygons)

    def __iter__(self) -> Iterator[_Polygon]:
        return map(_Polygon, self._polygons)

    def srs_wkt(self) -> None:
        return None


class _Telling(Writer):  # type: ignore[misc]
    """Passes on what was found of each polygon, in their order."""

    def __init__(self, tell: Tell) -> None:
        super().__init__()
        self._tell, self._index = tell, 0

    def add_operation(self, _: object) -> None:
        pass

    def write(self, feature: Any) -> None:  # noqa: ANN401 - of a class of exactextract's own
        found = _Polygon()
        feature.copy_to(found)
        self._tell(self._index, found.found["cell_id"], found.found["coverage"])
        self._index += 1

    def features(self) -> None:
        return None
