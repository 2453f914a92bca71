"""What an Item says of a scene, as its store and its ledger have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipeline import store
from pipeline.export.scenes import ExportScene
from pipeline.geometry.ground import Ground
from pipeline.geometry.lonlat.bounds import lonlat_bbox
from pipeline.geometry.transform import bounds
from pipeline.redact import redacted
from pipeline.storage import objects


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneFacts:
    """What an Item says of a scene, as plain values.

    ``crs`` and ``grid`` are fields of STAC's extension `projection`, ``bbox`` is between which degrees the scene lies,
    xmin, ymin, xmax, ymax, and ``pixel_m`` the longer side of a pixel; None where it has no place on earth. ``output``,
    ``masks`` and ``statistics`` are uris, the last None where there is no such table.
    """

    scene_id: str
    uri: str | None
    datetime: str | None
    run: str | None
    model: str | None
    names: tuple[str, ...]
    colors: tuple[str, ...]
    shown: tuple[int, ...]
    dtype: str
    crs: Mapping[str, str]
    grid: Mapping[str, Any]
    bbox: tuple[float, float, float, float] | None
    pixel_m: float | None
    output: str
    masks: str
    statistics: str | None

    @property
    def nodata(self) -> int:
        """The class id of no data."""
        return int(np.iinfo(self.dtype).max)

    @classmethod
    def of(cls, scene: ExportScene) -> SceneFacts:
        """Return what is known of a scene.

        Raises:
            PipelineError: the storage refused.
        """
        header, said = scene.store.header, scene.store  # its own pixels, whatever the level
        placed, bbox, ground = store.scene_attributes(header), lonlat_bbox(header), Ground.of(header)
        pixel_m = None if ground is None else ground.pixel_m()
        statistics = scene.scene.statistics
        return cls(
            scene_id=scene.scene_id,
            uri=None if said.uri is None else redacted(said.uri),
            datetime=said.datetime,
            run=said.run,
            model=said.model,
            names=scene.classes,
            colors=scene.colors,
            shown=scene.chosen,
            dtype=header.dtype,
            crs={name: text for name, text in placed.items() if name in {"proj:code", "proj:wkt2"}},
            grid={
                "shape": [header.height, header.width],
                "transform": [*header.transform, 0.0, 0.0, 1.0],
                "bbox": list(bounds(header.transform, height=header.height, width=header.width)),
            },
            bbox=None if bbox is None else (bbox["xmin"], bbox["ymin"], bbox["xmax"], bbox["ymax"]),
            pixel_m=pixel_m if pixel_m is not None and np.isfinite(pixel_m) else None,
            output=redacted(scene.scene.output.uri),
            masks=redacted(scene.scene.masks.uri),
            statistics=redacted(statistics.uri) if objects.exists(statistics) else None,
        )

    def as_facts(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> SceneFacts:
        """Return what ``as_facts`` was called on."""
        lists = {name: tuple(facts[name]) for name in ("names", "colors", "shown")}
        bbox = facts["bbox"]
        return cls(**{**facts, **lists, "bbox": None if bbox is None else tuple(bbox)})
