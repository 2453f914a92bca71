"""`--to change`: transitions by class, a store of them for each pair of scenes, and its polygons.

FOLDER/change is laid out as an output is: change/scenes/PAIR/masks.zarr has a class for each transition, and its ledger
the windows that the earlier scene has. FOLDER/polygons/PAIR.parquet has what has changed, FOLDER/transitions.parquet a
row for each transition of each pair.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline import store
from pipeline.export.change.regrid import read_on_grid
from pipeline.export.change.table import write_transitions
from pipeline.export.change.transitions import Counted, Transitions
from pipeline.export.exporting import Exported
from pipeline.export.polygons import Polygons
from pipeline.export.scenes import ExportScene, Selection, open_scene
from pipeline.export.staging import staged
from pipeline.geometry.areas import pixel_areas_m2
from pipeline.geometry.window import Window
from pipeline.output import Output, Plan, SceneOutput, ledger
from pipeline.output.inputs import remove_scene
from pipeline.storage.location import Location

_STORES, _POLYGONS, _TABLE = "change", "polygons", "transitions.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeExporter:
    """What has become of a scene in others of the same place.

    These are in the output at ``after``, made of windows of ``window_px``, and have ``scenes`` as ids, each with its
    ``source_digest``; ``classes`` are those of them that are chosen, None for all.
    """

    after: str
    window_px: int
    scenes: tuple[tuple[str, str], ...]
    classes: tuple[str, ...] | None = None
    format: str = "change"

    def files(self, scene: ExportScene) -> tuple[str, ...]:
        """Return the roots of the stores, one for each pair, and the polygons of what has changed."""
        pairs = [_pair(scene.scene_id, after) for after, _ in self.scenes]
        return (
            *(f"{_STORES}/scenes/{pair}/masks.zarr/zarr.json" for pair in pairs),
            *(f"{_POLYGONS}/{pair}.parquet" for pair in pairs),
        )

    def export(self, scene: ExportScene, folder: Location) -> Mapping[str, Any]:
        """Write what has become of a scene, and return the transitions of each of its pairs.

        Raises:
            PipelineError: a scene cannot be read, or placed on the other's grid, or the folder not be written.
        """
        selection = Selection(window_px=self.window_px, classes=self.classes)
        later = Output(self.after)
        return {
            "pairs": [
                _change(scene, open_scene(later.scene(after), selection), folder) for after, _ in self.scenes
            ]
        }

    def finish(self, exported: Sequence[Exported], folder: Location) -> tuple[str, ...]:
        """Write the table of all transitions."""
        with staged(folder.join(_TABLE)) as path:
            write_transitions(path, exported)
        return (_TABLE,)


def _pair(before: str, after: str) -> str:
    return before if before == after else f"{before}--{after}"


def _change(before: ExportScene, after: ExportScene, folder: Location) -> dict[str, Any]:
    """Write the store of a pair, and return what is in it."""
    transitions = Transitions.of(before, after)
    target = Output(folder.join(_STORES).uri, folder.storage).scene(_pair(before.scene_id, after.scene_id))
    remove_scene(target)
    _lay_out(target, before, after, transitions)
    counted = Counted(transitions, placed=pixel_areas_m2(before.header, Window(0, 0, 1, 1)) is not None)
    for window in before.windows():
        if (window.row_off, window.col_off) in before.done:
            labels = _labels(before, after, transitions, window)
            counted.add(labels["class"], pixel_areas_m2(before.header, window))
            digests = store.write(target, labels, window=window)
            ledger.commit(target, window=window, digests=digests, statistics=[])
    changed = Selection(window_px=before.selection.window_px, classes=transitions.changed)
    Polygons().export(open_scene(target, changed), folder.join(_POLYGONS))
    return {
        "scene_id": after.scene_id,
        "before_datetime": before.store.datetime,
        "after_datetime": after.store.datetime,
        "after_windows_missing": after.windows_missing,
        **counted.facts(),
    }


def _lay_out(target: SceneOutput, before: ExportScene, after: ExportScene, transitions: Transitions) -> None:
    sources = f"{before.source_digest} {after.source_digest}"
    run = hashlib.sha256(f"{sources} {transitions.names}".encode()).hexdigest()
    store.lay_out(
        target,
        header=before.header,
        classes=transitions.names,
        colors=transitions.colors,
        chunk_px=before.store.chunk_px,
        origin={"uri": before.store.uri, "datetime": after.store.datetime},
        made_by={"run": run},
    )
    if before.plan is not None:
        plan = Plan(before.plan.windows, run[:32])
        ledger.note_plan(target, plan=plan, inputs=b"{}\n", instead_of=None)


def _labels(
    before: ExportScene, after: ExportScene, transitions: Transitions, window: Window
) -> dict[str, np.ndarray]:
    """Return transitions, and the lesser of both scores and of both margins: a change is as sure as its worse half."""
    there = read_on_grid(after, before.header, window)
    ids = transitions.ids(before.read_classes(window), there["class"])
    found = {"class": ids}
    for name in ("score", "margin"):
        lesser = np.minimum(before.read_scores(window, name), there[name])
        found[name] = np.where(ids == transitions.nodata, np.uint8(255), lesser)
    return found
