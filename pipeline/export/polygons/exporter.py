"""`--to polygons`: a file a scene, in the scene's own reference system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import ConfigError
from pipeline.export.exporting import Exported
from pipeline.export.polygons.chosen import check_number, chosen_regions, drawing_of
from pipeline.export.polygons.files import WRITERS
from pipeline.export.scenes import ExportScene
from pipeline.export.staging import staged
from pipeline.storage.location import Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Polygons:
    """Polygons of the classes of each scene.

    Those of less than ``min_area_m2`` are left out, which leaves gaps. Vertices that matter less than ``simplify_m``
    go, of both neighbours alike.

    Raises:
        ConfigError: a number is below zero, or there is no such kind of file.
    """

    file_format: str = "parquet"
    min_area_m2: float = 0.0
    simplify_m: float = 0.0
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
        drawing = drawing_of(scene, simplify_m=self.simplify_m)
        with (
            chosen_regions(scene, min_area_m2=self.min_area_m2, simplify_m=self.simplify_m) as regions,
            staged(folder.join(name)) as path,
        ):
            WRITERS[self.file_format](path, drawing.batches(regions), crs=scene.header.crs_wkt)
        return {}

    def finish(self, exported: Sequence[Exported], folder: Location) -> tuple[str, ...]:
        """Make nothing more: each scene has its file."""
        del exported, folder
        return ()
