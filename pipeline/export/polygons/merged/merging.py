"""The groups of scenes of an export, each made where it is not made yet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from pipeline.dates import span_of
from pipeline.errors import PipelineError
from pipeline.export.exporting import RECORDS, Exported, find_current, note, noted
from pipeline.export.polygons.chosen import ChosenMap
from pipeline.export.polygons.merged.grouping import Group, Placed, find_groups
from pipeline.export.polygons.merged.mosaic import Mosaic, Part
from pipeline.export.polygons.table import Origin, OriginOf
from pipeline.export.scenes import ExportScene, Selection, open_scene
from pipeline.geometry.scene import Header
from pipeline.geometry.transform import to_crs
from pipeline.geometry.window import Window
from pipeline.output import Output
from pipeline.storage import objects
from pipeline.storage.location import Location

MERGED = "merged"
"""The folder, below that of an export, of the files of groups."""

_RECORDS = "polygons-merged"
_READERS = 16  # a read is one round trip to the storage and almost no work

Write = Callable[[ChosenMap, OriginOf, Location], None]
"""Writes the chosen regions of a map to a file."""


def merge(exported: Sequence[Exported], folder: Location, *, suffix: str, write: Write) -> tuple[str, ...]:
    """Make a file of each group of scenes, of which nothing is current yet, and return the names of all.

    The facts of ``exported`` are those of ``Placed``. Files of groups that are none now are removed.

    Raises:
        PipelineError: a scene cannot be read, or the storage refused.
    """
    by_id = {each.scene_id: each for each in exported}
    groups = {
        _name(group, suffix): group
        for group in find_groups([Placed.of_facts(each.facts) for each in exported])
    }
    _prune(folder, keep=frozenset(groups))
    for name, group in groups.items():
        sources = _Sources(group, tuple(by_id[scene.scene_id] for scene in group.scenes))
        _make_once(sources, folder, name=name, write=write)
    return tuple(groups)


@dataclass(frozen=True, slots=True)
class _Sources:
    """A group, and what was exported of its scenes."""

    group: Group
    exported: tuple[Exported, ...]

    @property
    def options(self) -> Mapping[str, Any]:
        """The exporter's and the selection's."""
        return self.exported[0].options

    @property
    def digest(self) -> str:
        """Another one after anything of a scene has changed, or which scenes there are."""
        text = json.dumps([(each.scene_id, each.source) for each in self.exported])
        return hashlib.sha256(text.encode()).hexdigest()

    def opened(self) -> list[ExportScene]:
        """Return the scenes as they are now, which have to be where they were."""
        output = Output(self.group.scenes[0].output)
        chosen = self.options["selection"]
        names = chosen["classes"]
        selection = Selection(**{**chosen, "classes": None if names is None else tuple(names)})
        with ThreadPoolExecutor(_READERS) as readers:
            found = list(
                readers.map(lambda each: open_scene(output.scene(each.scene_id), selection), self.exported)
            )
        for scene, placed in zip(found, self.group.scenes, strict=True):
            if Placed.of(scene) != placed:
                raise PipelineError(
                    f"{scene.scene_id} has another grid or other classes than when it was exported: export it again"
                )
        return found


def _name(group: Group, suffix: str) -> str:
    return f"{MERGED}/{group.scene_id}.{suffix}"


def _record(folder: Location, scene_id: str) -> Location:
    return folder.join(RECORDS, _RECORDS, f"{scene_id}.json")


def _prune(folder: Location, *, keep: frozenset[str]) -> None:
    """Remove what was made of groups but for the names to ``keep``."""
    records = folder.join(RECORDS, _RECORDS)
    for each in objects.list_names(records):
        found = noted(records.join(each))
        gone = [] if found is None else [name for name in found.files if name not in keep]
        for name in gone:
            objects.remove(folder.join(name), below=folder)
        if gone:
            objects.remove(records.join(each), below=folder)


def _make_once(sources: _Sources, folder: Location, *, name: str, write: Write) -> None:
    record = _record(folder, sources.group.scene_id)
    wanted = Exported(
        scene_id=sources.group.scene_id,
        source=sources.digest,
        options=sources.options,
        files={},
        windows_done=sum(each.windows_done for each in sources.exported),
        windows_missing=_sum(each.windows_missing for each in sources.exported),
        facts={"scenes": [each.scene_id for each in sources.exported]},
    )
    if find_current(record, folder, like=wanted) is None:
        write(*_mosaic(sources.group, sources.opened()), folder.join(name))
        note(record, folder, wanted, files=[name])


def _sum(numbers: Iterable[int | None]) -> int | None:
    """Return their sum; None where one is None."""
    found = list(numbers)
    known = [each for each in found if each is not None]
    return sum(known) if len(known) == len(found) else None


def _mosaic(group: Group, scenes: Sequence[ExportScene]) -> tuple[Mosaic, OriginOf]:
    """Return a group as one map, the latest scenes on top, and of which scene a region is."""
    parts = [Part(scene, place) for scene, place in zip(scenes, group.windows, strict=True)]
    late_last = sorted(
        zip(scenes, parts, strict=True), key=lambda each: (span_of(each[0].store.datetime) or ())[:1]
    )
    first = scenes[0]
    mosaic = Mosaic(
        scene_id=group.scene_id,
        classes=first.classes,
        colors=first.colors,
        chosen=first.chosen,
        nodata=first.nodata,
        header=_header(first.header, group.windows),
        parts=tuple(part for _, part in late_last),
    )
    origins = [Origin(scene.scene_id, scene.store.datetime) for scene, _ in late_last]
    return mosaic, lambda region: origins[mosaic.part_at(region.first)]


def _header(first: Header, windows: Sequence[Window]) -> Header:
    """Return the extent of all windows, of which the first is that of the scene ``first``."""
    a, b, _, d, e, _ = first.transform
    x, y = to_crs(first.transform, rows=-windows[0].row_off, cols=-windows[0].col_off)
    return replace(
        first,
        height=max(each.row_end for each in windows),
        width=max(each.col_end for each in windows),
        transform=(a, b, x, d, e, y),
    )
