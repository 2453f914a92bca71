"""Class maps in memory, and their regions as shapely's polygons."""

from collections.abc import Iterable
from dataclasses import dataclass

import geopandas
import numpy as np
import rasterio
import rasterio.features
from shapely import Polygon
from shapely.geometry import shape

from pipeline.export.polygons.regions import Region
from pipeline.export.polygons.rings import Rings
from pipeline.geometry.scene import Header
from pipeline.geometry.transform import UNPLACED, Transform
from pipeline.geometry.window import Window

NO_DATA = 255


@dataclass(frozen=True)
class ClassMapInMemory:
    """A scene of these class ids; each pixel's score is the sum of its row and column."""

    ids: np.ndarray
    nodata: int = NO_DATA

    @property
    def header(self) -> Header:
        height, width = self.ids.shape
        return Header(
            height=height,
            width=width,
            bands=1,
            dtype="uint8",
            crs_wkt=None,
            transform=UNPLACED,
            nodata=float(self.nodata),
        )

    def read_classes(self, window: Window) -> np.ndarray:
        return self._cut(self.ids, window)

    def read_scores(self, window: Window) -> np.ndarray:
        return self._cut(np.add(*np.indices(self.ids.shape)).astype(np.uint8), window)

    def _cut(self, array: np.ndarray, window: Window) -> np.ndarray:
        return array[window.slices_in(Window(0, 0, *self.ids.shape))]


def polygon(rings: Rings) -> Polygon:
    """Return a shell and its holes, x to the right and y down."""
    parts = [
        rings.vertices[start : start + length, ::-1]
        for start, length in zip(rings.starts, rings.lengths, strict=True)
    ]
    return Polygon(parts[0], parts[1:])


def polygons(regions: Iterable[Region]) -> list[Polygon]:
    """Return each region's polygon."""
    return [polygon(region.rings) for region in regions]


def by_rasterio(ids: np.ndarray) -> list[tuple[int, Polygon]]:
    """Return class and polygon of each region as GDAL finds them in the whole map."""
    from rasterio.features import shapes  # noqa: PLC0415 - some of these tests want no GDAL

    found = shapes(ids, mask=ids != NO_DATA, connectivity=4)
    return [(int(value), shape(geometry)) for geometry, value in found]


def normalized(polygons: Iterable[tuple[int, Polygon]]) -> list[tuple[int, str]]:
    """Return classes and polygons in an order, and with beginnings of rings, that do not matter."""
    return sorted((class_id, each.normalize().wkt) for class_id, each in polygons)


def check_same(found: Region, expected: Region) -> None:
    """Assert that two regions are one, vertex by vertex."""
    np.testing.assert_array_equal(found.rings.vertices, expected.rings.vertices)
    np.testing.assert_array_equal(found.rings.lengths, expected.rings.lengths)
    assert (found.class_id, found.pixels, found.mean_score) == (
        expected.class_id,
        expected.pixels,
        expected.mean_score,
    )


def rasterized(table: geopandas.GeoDataFrame, *, like: np.ndarray, transform: Transform) -> np.ndarray:
    """Return the class ids of polygons as pixels."""
    return np.asarray(
        rasterio.features.rasterize(
            zip(table.geometry, table.class_id, strict=True),
            out_shape=like.shape,
            fill=NO_DATA,
            transform=rasterio.Affine(*transform),
            dtype="uint8",
        )
    )
