"""All scenes as a self-contained STAC Collection."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.export.exporting import Exported
from pipeline.export.scenes import ExportScene
from pipeline.export.stac.collection import collection_of
from pipeline.export.stac.facts import SceneFacts
from pipeline.export.stac.items import ITEMS, ItemSource, item_of
from pipeline.export.stac.places import footprints
from pipeline.export.stac.products import COLLECTION, products_of_scenes
from pipeline.export.stac.run import run_facts
from pipeline.output import Output
from pipeline.storage import objects
from pipeline.storage.location import Location


@dataclass(frozen=True, slots=True)
class Stac:
    """FOLDER/collection.json and FOLDER/items/SCENE_ID.json, with links to what other exports made in the folder.

    Items are written by ``finish``: they change with what other formats made meanwhile.
    """

    @property
    def format(self) -> str:
        """The name of the format."""
        return "stac"

    def files(self, scene: ExportScene) -> tuple[str, ...]:
        """Return no names: all is written once the scenes are known."""
        del scene
        return ()

    def export(self, scene: ExportScene, folder: Location) -> Mapping[str, Any]:
        """Return what an Item says of a scene.

        Raises:
            PipelineError: the storage refused.
        """
        del folder
        return SceneFacts.of(scene).as_facts()

    def finish(self, exported: Sequence[Exported], folder: Location) -> tuple[str, ...]:
        """Write the Items, then the Collection.

        Raises:
            PipelineError: the storage refused, or a table of the output is damaged.
        """
        output = Output(exported[0].facts["output"])
        sources = _sources(exported, output, folder, but=self.format)
        names = tuple(f"{ITEMS}/{source.scene.scene_id}.json" for source in sources)
        for name, source in zip(names, sources, strict=True):
            _put(folder.join(name), item_of(source, folder))
        _put(folder.join(COLLECTION), collection_of(sources, output=output, folder=folder))
        return (*names, COLLECTION)


def _sources(exported: Sequence[Exported], output: Output, folder: Location, *, but: str) -> list[ItemSource]:
    run, outlines = run_facts(output), footprints(output)
    products = products_of_scenes(exported, folder, but=but)
    return [
        ItemSource(
            scene=SceneFacts.of_facts(each.facts),
            exported=each,
            run=run,
            footprint=outlines.get(each.scene_id),
            products=products[each.scene_id],
        )
        for each in exported
    ]


def _put(location: Location, found: Mapping[str, Any]) -> None:
    objects.put_bytes(location, f"{json.dumps(found, indent=1, ensure_ascii=False)}\n".encode())
