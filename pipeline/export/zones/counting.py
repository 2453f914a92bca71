"""Count the pixels and areas of each class in each zone of a scene, window by window, with parts of pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from jaxtyping import Float64, Int64

from pipeline.export.scenes import ExportScene
from pipeline.export.zones.coverage import tell_coverage
from pipeline.export.zones.placing import PlacedZones
from pipeline.geometry.areas import pixel_areas_m2
from pipeline.geometry.window import Window

_IDS = 1 << 16  # class ids are below
_SUMS = 1 << 20  # of windows, that are kept before they are added up


@dataclass(frozen=True, eq=False)
class Sums:
    """Pixels and areas of pairs of a zone and a class, by their ``keys``, zone * 65536 + class id, in their order.

    Pixels without data are there too, as those of the scene's no data value: they tell which zones it touches.
    """

    keys: Int64[np.ndarray, "n"]
    pixels: Float64[np.ndarray, "n"]
    areas_m2: Float64[np.ndarray, "n"]

    @property
    def zones(self) -> Int64[np.ndarray, "n"]:
        """The zone of each."""
        return self.keys // _IDS

    @property
    def class_ids(self) -> Int64[np.ndarray, "n"]:
        """The class id of each."""
        return self.keys % _IDS


def count(scene: ExportScene, placed: PlacedZones) -> Sums:
    """Count what each zone that touches a scene has of it, in flat memory; windows that touch none are not read."""
    tree = shapely.STRtree(placed.polygons)
    sums = _Sums()
    for window in scene.windows():
        box = shapely.box(window.col_off, -window.row_end, window.col_end, -window.row_off)
        touched = np.sort(tree.query(box))
        if len(touched):
            _count_window(scene, window, placed, touched, sums)
    return sums.summed()


def _count_window(
    scene: ExportScene, window: Window, placed: PlacedZones, touched: Int64[np.ndarray, "n"], sums: _Sums
) -> None:
    class_ids = scene.read_classes(window).ravel()
    areas = pixel_areas_m2(scene.header, window)
    areas = np.zeros(class_ids.shape) if areas is None else np.nan_to_num(areas.ravel())

    def tell(index: int, cells: Int64[np.ndarray, "n"], parts: Float64[np.ndarray, "n"]) -> None:
        if len(cells):
            zone = int(placed.indices[touched[index]])
            sums.add(zone, class_ids[cells], parts, parts * areas[cells])

    tell_coverage(shapely.to_wkb(placed.polygons[touched]).tolist(), window, tell)


@dataclass
class _Sums:
    """Sums as they grow; those of equal keys are added up in the order they came in."""

    _keys: list[np.ndarray] = field(default_factory=list)
    _pixels: list[np.ndarray] = field(default_factory=list)
    _areas: list[np.ndarray] = field(default_factory=list)
    _size: int = 0
    _most: int = _SUMS

    def add(self, zone: int, class_ids: np.ndarray, parts: np.ndarray, areas_m2: np.ndarray) -> None:
        pixels = np.bincount(class_ids, weights=parts)
        present = np.flatnonzero(pixels)
        self._keys.append(zone * _IDS + present)
        self._pixels.append(pixels[present])
        self._areas.append(np.bincount(class_ids, weights=areas_m2)[present])
        self._size += len(present)
        if self._size > self._most:
            self._take(self.summed())

    def summed(self) -> Sums:
        nothing = np.zeros(0)
        keys, of_key = np.unique(np.concatenate([nothing.astype(np.int64), *self._keys]), return_inverse=True)
        return Sums(
            keys,
            np.bincount(of_key, np.concatenate([nothing, *self._pixels]), len(keys)),
            np.bincount(of_key, np.concatenate([nothing, *self._areas]), len(keys)),
        )

    def _take(self, sums: Sums) -> None:
        self._keys, self._pixels, self._areas = [sums.keys], [sums.pixels], [sums.areas_m2]
        self._size, self._most = len(sums.keys), 2 * len(sums.keys) + _SUMS
