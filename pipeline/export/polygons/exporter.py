"""`--to polygons`: a file a scene, in the scene's own reference system, and one a group of scenes that share a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import ConfigError
from pipeline.export.exporting import Exported
from pipeline.export.polygons.chosen import ChosenMap, check_number, chosen_regions, drawing_of, origin_in
from pipeline.export.polygons.files import WRITERS
from pipeline.export.polygons.merged import Placed, merge
from pipeline.export.polygons.table import OriginOf
from pipeline.export.scenes import ExportScene
from pipeline.export.staging import staged
from pipeline.storage.location import Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Polygons:
    """Polygons of the classes of each scene.

    Those of less than ``min_area_m2`` are left out, which leaves gaps. Vertices that matter less than ``simplify_m``
    go, of both neighbours alike. With ``merge_scenes`` there is also a file for each group of scenes that share a grid
    and touch.

    Raises:
        ConfigError: a number is below zero, or there is no such kind of file.
    """

    file_format: str = "parquet"
    min_area_m2: float = 0.0
    simplify_m: float = 0.0
    merge_scenes: bool = False
    format: str = "polygons"

    def __post_init__(self) -> None:
        if self.file_format not in WRITERS:
            raise ConfigError(f"--file-format takes one of {', '.join(WRITERS)}, got {self.file_format!r}")
        check_number("min_area_m2", self.min_area_m2)
        check_number("simplify_m", self.simplify_m)

    def files(self, scene: ExportScene) -> tuple[str, ...]:
        """Return the name of a scene's file."""
        return (f"{scene.scene_id}.{self.file_format}",)

    def export(self, scene: ExportScene, folder: Location) -> Mapping[str, Any]:
        """Write the polygons of a scene.

        Raises:
            PipelineError: it cannot be read or written, or has no size on the ground where one is needed.
        """
        (name,) = self.files(scene)
        self._write(scene, origin_in(scene), folder.join(name))
        return Placed.of(scene).as_facts() if self.merge_scenes else {}

    def finish(self, exported: Sequence[Exported], folder: Location) -> tuple[str, ...]:
        """Write the polygons of scenes that share a grid where that is wanted, and remove them where it is not.

        Raises:
            PipelineError: a scene cannot be read, or the storage refused.
        """
        scenes = exported if self.merge_scenes else ()
        return merge(scenes, folder, suffix=self.file_format, write=self._write)

    def _write(self, scene: ChosenMap, origin_of: OriginOf, location: Location) -> None:
        drawing = drawing_of(scene, origin_of=origin_of, simplify_m=self.simplify_m)
        with (
            chosen_regions(scene, min_area_m2=self.min_area_m2, simplify_m=self.simplify_m) as regions,
            staged(location) as path,
        ):
            WRITERS[self.file_format](path, drawing.batches(regions), crs=scene.header.crs_wkt)
