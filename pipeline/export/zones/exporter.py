"""`--to zones`: FOLDER/zones/SCENE_ID.parquet, and all scenes together in FOLDER/zones.parquet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.export.exporting import Exported
from pipeline.export.scenes import ExportScene
from pipeline.export.staging import staged
from pipeline.export.zones.counting import count
from pipeline.export.zones.placing import place
from pipeline.export.zones.reading import file_digest, read_zones
from pipeline.export.zones.table import write_all, write_scene
from pipeline.storage.location import Location

_ALL = "zones.parquet"
_ROWS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class ZonesExporter:
    """Areas and shares by class of the polygons in the file at ``path``, whose content has this ``digest``.

    ``id_column`` has their ids, None for the numbers of their rows. All machines see the file at this path.
    """

    path: str
    id_column: str | None
    digest: str
    format: str = "zones"

    def files(self, scene: ExportScene) -> tuple[str, ...]:
        """Return the table of one scene."""
        return (f"zones/{scene.scene_id}.parquet",)

    def export(self, scene: ExportScene, folder: Location) -> Mapping[str, Any]:
        """Write the table of one scene, and return how many zones it touches.

        Raises:
            PipelineError: the file is another one now, the scene states no CRS, or one of the two cannot be read.
        """
        if file_digest(self.path) != self.digest:
            raise PipelineError(f"{self.path} has changed, or is another file on this machine: export again")
        zones = read_zones(self.path, id_column=self.id_column)
        sums = count(scene, place(zones, scene.header))
        (name,) = self.files(scene)
        with staged(folder.join(name)) as path:
            return {"zones": write_scene(path, scene, zones, sums)}

    def finish(self, exported: Sequence[Exported], folder: Location) -> tuple[str, ...]:
        """Write the table of all scenes."""
        tables = [folder.join(name) for each in exported for name in each.files]
        with staged(folder.join(_ALL)) as path:
            write_all(path, tables)
        return (_ALL,)


def zones_exporter(
    path: str, *, id_column: str | None = None, tell: Callable[[str], None] = lambda _: None
) -> ZonesExporter:
    """Return the exporter of a file of zones, which is read once to see that it can be.

    ``tell`` is told of polygons that are not valid, and are counted as they are drawn.

    Raises:
        ConfigError: as ``read_zones``.
    """
    absolute = str(Path(path).absolute())
    zones = read_zones(absolute, id_column=id_column)
    if zones.repaired:
        rows = ", ".join(map(str, zones.repaired[:_ROWS_SHOWN]))
        tell(
            f"{path} has {len(zones.repaired):,} polygons that are not valid, as they cross themselves: they are taken "
            f"as they are drawn, by the even-odd rule; the first are in rows {rows}"
        )
    return ZonesExporter(absolute, id_column, file_digest(absolute))
