"""A scene as Cloud Optimized GeoTIFFs: class ids, and scores where they are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt

from pipeline.dates import span_of
from pipeline.export.cog.legend import Legend, gdal_sidecar, qgis_style
from pipeline.export.cog.mosaic import Tile, write_mosaic
from pipeline.export.exporting import Exported
from pipeline.export.scenes import ExportScene
from pipeline.export.staging import staged
from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window
from pipeline.raster import BandDescription, create_cog, is_north_up, write_north_up
from pipeline.segment import SCORE_MAX
from pipeline.storage.location import Location

MOSAIC = "mosaic.gti.gpkg"
"""The name of the file that is all scenes as one layer."""


@dataclass(frozen=True, slots=True)
class Cog:
    """GeoTIFFs of class ids, of ``scores`` too, and ``mosaic.gti.gpkg`` over all scenes that have a place on earth."""

    scores: bool = False

    @property
    def format(self) -> str:
        """The name of the format."""
        return "cog"

    def files(self, scene: ExportScene) -> tuple[str, ...]:
        """Return the names of the files of a scene."""
        name = scene.scene_id
        turned = [_north_up_name(scene)] if _is_turned(scene.header) else []
        score = [f"{name}-score.tif"] if self.scores else []
        return (f"{name}.tif", f"{name}.tif.aux.xml", f"{name}.qml", *turned, *score)

    def export(self, scene: ExportScene, folder: Location) -> Mapping[str, Any]:
        """Make the files of a scene, and return what the mosaic needs to know of it.

        Raises:
            PipelineError: the store is damaged, or the storage refused.
        """
        if self.scores:
            _write_scores(scene, folder)
        legend = Legend(names=scene.classes, colors=scene.colors, shown=scene.chosen, nodata=scene.nodata)
        _write_classes(scene, legend, folder)
        location = _north_up_name(scene) if _is_turned(scene.header) else f"{scene.scene_id}.tif"
        return Tile.of(scene, location=location, legend=legend).as_facts()

    def finish(self, exported: Sequence[Exported], folder: Location) -> tuple[str, ...]:
        """Make one layer of all scenes that have a place on earth.

        Raises:
            PipelineError: the storage refused.
        """
        tiles = [Tile.of_facts(each.facts) for each in exported]
        if all(tile.crs_wkt is None for tile in tiles):
            return ()
        with staged(folder.join(MOSAIC)) as path:
            write_mosaic(path, tiles)
        return (MOSAIC,)


def _write_classes(scene: ExportScene, legend: Legend, folder: Location) -> None:
    band = BandDescription(name="class", resampling="mode", palette=legend.palette, tags=_tags(scene, legend))
    name = scene.scene_id
    with staged(folder.join(f"{name}.tif")) as path:
        _write(path, scene.header, band, _windows(scene, scene.read_classes))
        path.with_name(f"{name}.tif.aux.xml").write_bytes(gdal_sidecar(legend))
        path.with_name(f"{name}.qml").write_bytes(qgis_style(legend))
        if _is_turned(scene.header):
            write_north_up(str(path.with_name(_north_up_name(scene))), source=str(path), header=scene.header)


def _write_scores(scene: ExportScene, folder: Location) -> None:
    header = replace(scene.header, dtype="uint8", nodata=float(np.iinfo(np.uint8).max))
    band = BandDescription(
        name="score", resampling="average", scale=1 / SCORE_MAX, palette={}, tags=_tags(scene, None)
    )
    with staged(folder.join(f"{scene.scene_id}-score.tif")) as path:
        _write(path, header, band, _windows(scene, scene.read_scores))


def _windows(
    scene: ExportScene, read: Callable[[Window], UInt[np.ndarray, "y x"]]
) -> Iterator[tuple[Window, UInt[np.ndarray, "y x"]]]:
    for window in scene.windows():
        yield window, read(window)


def _write(
    path: Path,
    header: Header,
    band: BandDescription,
    windows: Iterator[tuple[Window, UInt[np.ndarray, "y x"]]],
) -> None:
    with create_cog(str(path), header=header, band=band) as target:
        for window, values in windows:
            target.write(values[:, :, None], window)


def _tags(scene: ExportScene, legend: Legend | None) -> dict[str, str]:
    """Return what a file says of how it came about, and of what is missing in it."""
    missing, taken = scene.windows_missing, span_of(scene.store.datetime)
    found = {
        "TIFFTAG_SOFTWARE": f"mrovseg {version('mrovseg')}",
        "scene_id": scene.scene_id,
        "level": str(scene.selection.level),
        "windows_done": str(len(scene.done)),
        "windows_missing": "unknown" if missing is None else str(missing),
        "run": scene.store.run or "",
        "model": scene.store.model or "",
        "datetime": scene.store.datetime or "",
        "classes": "" if legend is None else json.dumps(dict(enumerate(legend.names)), ensure_ascii=False),
    }
    if taken is not None:
        found["TIFFTAG_DATETIME"] = taken[0].strftime("%Y:%m:%d %H:%M:%S")
    return {name: text for name, text in found.items() if text}


def _is_turned(header: Header) -> bool:
    """Tell whether a scene has a place on earth, and does not lie north up there, as mosaics take it to."""
    return header.crs_wkt is not None and not is_north_up(header.transform)


def _north_up_name(scene: ExportScene) -> str:
    return f"{scene.scene_id}-north-up.vrt"
