"""`--to pmtiles`: polygons of each scene in WGS 84, and vector tiles of all of them."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import PipelineError
from pipeline.export.exporting import Exported
from pipeline.export.pmtiles.archive import read_metadata, with_metadata
from pipeline.export.pmtiles.tiling import make_tiles
from pipeline.export.polygons import (
    LAYER,
    check_number,
    chosen_regions,
    drawing_of,
    feature_count,
    origin_in,
    write_flatgeobuf,
)
from pipeline.export.polygons.table import Placing
from pipeline.export.scenes import ExportScene
from pipeline.export.staging import staged
from pipeline.geometry.areas import ground_size_m
from pipeline.geometry.crs import WGS84
from pipeline.geometry.ground import Ground
from pipeline.storage import objects
from pipeline.storage.location import Location

ARCHIVE = "polygons.pmtiles"
_EQUATOR_M = 40_075_016.686
_TILE_UNITS = 4096  # a side of a tile is so many steps of its coordinates
_MOST_ZOOM = 20
_KEPT = ("name", "format", "type", "version", "vector_layers", "antimeridian_adjusted_bounds")


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorTiles:
    """Vector tiles of the polygons of all scenes; the options are those of ``Polygons``.

    Raises:
        ConfigError: a number is below zero.
    """

    min_area_m2: float = 0.0
    simplify_m: float = 0.0
    format: str = "pmtiles"

    def __post_init__(self) -> None:
        check_number("min_area_m2", self.min_area_m2)
        check_number("simplify_m", self.simplify_m)

    def files(self, scene: ExportScene) -> tuple[str, ...]:
        """Return the name of the polygons of a scene, of which tiles are made."""
        return (f"{self.format}/{scene.scene_id}.fgb",)

    def export(self, scene: ExportScene, folder: Location) -> Mapping[str, Any]:
        """Write the polygons of a scene.

        Raises:
            PipelineError: it cannot be read or written, or has no place on earth.
        """
        (name,) = self.files(scene)
        drawing = drawing_of(
            scene, origin_of=origin_in(scene), simplify_m=self.simplify_m, place=_placing(scene)
        )
        with (
            chosen_regions(scene, min_area_m2=self.min_area_m2, simplify_m=self.simplify_m) as regions,
            staged(folder.join(name)) as path,
        ):
            write_flatgeobuf(path, drawing.batches(regions), crs=WGS84)
            polygons = feature_count(path)
        chosen = {scene.classes[each]: scene.colors[each] for each in scene.chosen}
        return {"polygons": polygons, "colors": chosen, "max_zoom": _max_zoom(scene)}

    def finish(self, exported: Sequence[Exported], folder: Location) -> tuple[str, ...]:
        """Write the tiles of all scenes.

        Raises:
            PipelineError: the storage refused, or tippecanoe failed.
        """
        drawn = [each for each in exported if each.facts["polygons"]]
        if not drawn:
            return ()
        with (
            tempfile.TemporaryDirectory(prefix="mrovseg-") as beside,
            staged(folder.join(ARCHIVE)) as archive,
        ):
            files = [
                _copied(folder.join(name), Path(beside) / Path(name).name)
                for each in drawn
                for name in sorted(each.files)
            ]
            made = Path(beside) / ARCHIVE
            make_tiles(made, files, layer=LAYER, max_zoom=max(each.facts["max_zoom"] for each in drawn))
            colors = {name: color for each in drawn for name, color in each.facts["colors"].items()}
            # What it says of itself has paths of this machine.
            said = {key: value for key, value in read_metadata(made).items() if key in _KEPT}
            with_metadata(made, {**said, "colors": colors}, made=archive)
        return (ARCHIVE,)


def _placing(scene: ExportScene) -> Placing:
    """Return what puts corners on the earth, in degrees that go on beyond 180 where the scene does."""
    ground = Ground.of(scene.header)
    if ground is None:
        raise PipelineError(
            f"{scene.scene_id} has no place on earth, where vector tiles are: export it to polygons"
        )

    middle, _ = ground.wgs84(np.array([scene.header.height / 2]), np.array([scene.header.width / 2]))

    def place(rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        lon, lat = ground.wgs84(rows, cols)
        if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
            raise PipelineError(
                f"{scene.scene_id} has pixels without a place on earth, which vector tiles cannot show: export it to "
                "polygons"
            )
        return lon - 360 * np.round((lon - middle) / 360), lat

    return place


def _max_zoom(scene: ExportScene) -> int:
    """Return the zoom at which a step of a tile's coordinates is no longer than a pixel."""
    size_m = ground_size_m(scene.header) or _EQUATOR_M / _TILE_UNITS
    return min(_MOST_ZOOM, max(0, math.ceil(math.log2(_EQUATOR_M / _TILE_UNITS / size_m))))


def _copied(location: Location, path: Path) -> Path:
    with objects.opened_object(location) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target)
    return path
