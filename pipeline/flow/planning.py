"""Splits of a scene list, and the plans of their scenes: the work of the planning and of the reading tasks.

A split is one scene or some, or every n-th window of a scene. Its task opens the scene, lays out the store and
lists the ledger, so that nothing is planned before its turn, and one large scene is read by several.

Planning and reading are two steps, because a task whose worker dies is begun again, and what it yields counts by
its position: it must be the same as before. A split yields one record a scene, and a plan its windows, whatever the
ledger has come to hold meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import compress, count, islice
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from jaxtyping import Bool

from pipeline import raster, statistics, store
from pipeline.config import FlowSettings, Reading
from pipeline.errors import PipelineError, RasterError
from pipeline.flow import scene_inputs
from pipeline.flow.columns import table_of
from pipeline.flow.progress import scene_warnings
from pipeline.flow.progress.scene_warnings import Found
from pipeline.flow.records import KeptPlan, Pixels, Plan, Planned, Record, Split, attempt, each_record
from pipeline.flow.watch.guard import Guard
from pipeline.flow.watch.registry import Work
from pipeline.geometry.chips import ChipLayout, cover
from pipeline.geometry.grid import count_windows
from pipeline.geometry.scene import Scene
from pipeline.geometry.view import View
from pipeline.geometry.window import Window
from pipeline.output import Output, SceneOutput, failures, ledger
from pipeline.output import Plan as LedgerPlan
from pipeline.output.failure import PLAN_STAGE, REFUSED, Failure
from pipeline.raster import Outline
from pipeline.sources.naming import Refusal
from pipeline.storage import objects

AnyPlan = Plan | KeptPlan
PlanScene = Callable[[Split, Scene], Plan | KeptPlan]
"""Plans a split's part of a scene; what it raises is why the scene failed."""

_MOST_SCENES = 64  # a split: a task costs the driver as much as reading a small scene does
_SPLITS_A_READER = 16  # before splits grow, so that a short list is spread evenly


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """What the plan of a scene depends on beside the scene, the same for all scenes of a run.

    ``colors`` of class ids are those of the palette where they are None.
    """

    output: Output
    classes: Sequence[str]
    contents: store.Contents
    colors: Sequence[str] | None = None
    made_by: Mapping[str, Any]
    settings: FlowSettings
    reading: Reading

    @property
    def store_terms(self) -> store.StoreTerms:
        """What the mask stores have in common."""
        return store.StoreTerms(
            classes=self.classes,
            colors=self.colors,
            contents=self.contents,
            made_by=self.made_by,
            chunk_px=self.settings.chunk_px,
            window_px=self.settings.window_px,
        )


P = TypeVar("P", bound=Planning)


def list_splits(
    _: pa.Table, *, scenes: Iterable[Scene | Refusal], readers: int, whole: bool, guard: Guard
) -> Iterator[pa.Table]:
    """Yield the splits of a scene list, see ``splits``.

    Raises:
        Quarantined: the processes that listed died at the same split.
    """
    found = splits(scenes, readers=readers, whole=whole)
    for number in count():
        split = guard.watched(Work("list", part=f"split {number}"), partial(next, found, None))
        if split is None:
            guard.watch.listed.remote(number)
            return
        yield table_of(replace(split, number=number))


def splits(scenes: Iterable[Scene | Refusal], *, readers: int, whole: bool = False) -> Iterator[Split]:
    """List the scenes and yield splits as they come: enough for all readers, and no more than are worth a task.

    Where there are fewer scenes than readers, a scene is in several splits, unless they are to stay ``whole``.
    """
    ahead = iter(scenes)
    first = list(islice(ahead, readers))
    parts = 1 if whole else -(-readers // max(1, len(first)))
    for entry in first:
        for part in range(parts):
            yield Split((entry,), part, parts)
    listed = len(first)
    while entries := tuple(islice(ahead, min(_MOST_SCENES, 1 + listed // (_SPLITS_A_READER * readers)))):
        listed += len(entries)
        yield Split(entries, 0, 1)


def plan_split(table: pa.Table, *, plan: PlanScene, guard: Guard) -> Iterator[pa.Table]:
    """Yield one record for each scene of a split: its plan, or why there is none."""
    yield from each_record(table, step=partial(_plans, plan=plan, guard=guard))


def _plans(split: Record, plan: PlanScene, guard: Guard) -> Iterator[Record]:
    if not isinstance(split, Split):
        raise TypeError(f"expected a split, got {split!r}")
    windows = 0
    for entry in split.entries:
        if isinstance(entry, Refusal):
            yield guard.notes.noted(_refused(entry))
        else:
            step = partial(plan, split, entry)
            part = f"part {split.part + 1} of {split.parts}" if split.parts > 1 else None
            record = attempt(step, guard, stage=PLAN_STAGE, scene=entry, window=None, part=part)
            if isinstance(record, Failure):
                record = guard.notes.noted(record, part=split.part)
            windows += record.windows if isinstance(record, Plan | KeptPlan) else 0
            guard.watch.planned.remote(split.number, windows)
            yield record
    guard.watch.planned.remote(split.number, windows, whole=True)


def read_plan(
    table: pa.Table, *, layout: ChipLayout, settings: FlowSettings, reading: Reading, guard: Guard
) -> Iterator[pa.Table]:
    """Yield what a plan holds, then its windows, read one by one; pass everything else on."""
    step = partial(_pixels, layout=layout, settings=settings, reading=reading, guard=guard)
    yield from each_record(table, step=step)


def _pixels(
    plan: Record, layout: ChipLayout, settings: FlowSettings, reading: Reading, guard: Guard
) -> Iterator[Record]:
    if not isinstance(plan, Plan):
        yield plan
        return
    about = scene_warnings.found(plan.scene.scene_id, plan.view, reading) if plan.part == 0 else None
    yield planned_of(plan, about)
    for window in windows_planned(plan, settings):
        step = partial(_read, plan, window, layout, reading)
        yield attempt(step, guard, stage="read", scene=plan.scene, window=window)


def planned_of(plan: AnyPlan, found: Found | None = None) -> Planned:
    """Return how many windows a plan has, how many of them were done before, and what was ``found`` of the scene."""
    return Planned(plan.scene.scene_id, plan.windows, plan.windows - int(_left(plan).sum()), found)


def windows_planned(plan: AnyPlan, settings: FlowSettings) -> Iterator[Window]:
    """Yield the windows of a plan that were left to do when it was made."""
    windows = windows_of_part(plan.view, plan.outline, plan.part, plan.parts, settings)
    yield from compress(windows, _left(plan))


def _left(plan: AnyPlan) -> Bool[np.ndarray, " windows"]:
    return np.unpackbits(plan.left, count=plan.windows).astype(np.bool_)


def done_before(scene: Scene, planning: P, plan: Callable[[Split, Scene, P], AnyPlan]) -> int | None:
    """Return how many windows a scene has where all are done and its files are as they were; None otherwise.

    It is told by a ``plan`` of the scene. No raster is opened, so that nothing can hang that holds the interpreter.
    What lies beside its chunks in its mask store is put back where it is missing.
    """
    mine = planning.output.scene(scene.scene_id)
    done, planned = ledger.done_and_plan(mine)
    if planned is None or not 0 < planned.windows <= len(done):
        return None
    if not objects.exists(mine.inputs):
        return None
    # What has changed is refused, and not removed from here.
    unchanged = replace(planning, settings=replace(planning.settings, keep_valid=False))
    try:
        found = plan(Split((scene,), 0, 1), scene, unchanged)
    except PipelineError:
        return None  # it is planned again, and fails there alone
    return None if found.left.any() else found.windows


def plan_scene(split: Split, scene: Scene, planning: Planning) -> Plan:
    """Plan a split's part of a scene: pin how it is read, and lay its mask store out.

    Raises:
        RasterError: the scene cannot be read.
        PipelineError: the storage refused, or the output holds something else.
    """
    output, settings, reading = planning.output, planning.settings, planning.reading
    objects.sweep(output.scene(scene.scene_id).ledger, below=output.location)
    files = scene_inputs.inputs_of(scene, reading)
    view = scene_inputs.pin_view(output, scene, reading, keep_valid=settings.keep_valid, inputs=files)
    outline = raster.outlined(view, reading)
    left = windows_left(split, scene, planning, view=view, outline=outline)
    return Plan(scene, view, outline, split.part, split.parts, len(left), np.packbits(left), files)


def windows_left(
    split: Split, scene: Scene, planning: Planning, *, view: View, outline: Outline | None
) -> Bool[np.ndarray, " windows"]:
    """Return which windows of a split's part of a scene are left to do; note its plan, and lay its mask store out.

    Raises:
        PipelineError: the storage refused, or the output holds something else.
    """
    settings, mine = planning.settings, planning.output.scene(scene.scene_id)
    done, planned = ledger.done_and_plan(mine)
    if planned is None or not done:  # with windows that are done it can no longer be another
        _note_plan(mine, _count(view, outline, settings), planned)
    windows = windows_of_part(view, outline, split.part, split.parts, settings)
    left = np.array([(window.row_off, window.col_off) not in done for window in windows], np.bool_)
    if len(left):  # a scene that the area of interest does not touch has no masks
        store.lay_out(
            mine,
            header=view.header,
            classes=planning.classes,
            colors=planning.colors,
            chunk_px=settings.chunk_px,
            contents=planning.contents,
            origin=statistics.origin(view),
            made_by=planning.made_by,
        )
    failures.clear(mine, done=done, part=split.part, parts=split.parts)
    return left


def _note_plan(scene: SceneOutput, windows: int, planned: LedgerPlan | None) -> None:
    noted = objects.get_bytes(scene.inputs)
    plan = LedgerPlan(windows, ledger.inputs_digest(noted))
    ledger.note_plan(scene, plan=plan, inputs=noted, instead_of=planned)


def _count(view: View, outline: Outline | None, settings: FlowSettings) -> int:
    """Return how many windows the scene has in all."""
    if outline is None:
        return count_windows(view.header.height, view.header.width, window_px=settings.window_px)
    return sum(1 for _ in windows_of_part(view, outline, 0, 1, settings))


def windows_of_part(
    view: View, outline: Outline | None, part: int, parts: int, settings: FlowSettings
) -> Iterator[Window]:
    """Return a part of the windows of a scene that its area of interest touches.

    It is a part of all of them: of those left, another part may know fewer.
    """
    return islice(raster.windows_of(view, outline, window_px=settings.window_px), part, None, parts)


def _read(plan: Plan, window: Window, layout: ChipLayout, reading: Reading) -> Record:
    try:
        header = plan.view.header
        area = cover(window, layout, scene_px=(header.height, header.width))
        pixels, valid = raster.read_view(plan.view, area, reading, plan.outline, etags=plan.inputs.etags)
    except RasterError:
        scene_inputs.check_unchanged(plan.inputs, reading)  # says so where the file was replaced meanwhile
        raise
    return Pixels(plan.scene, plan.view.header, window, pixels, valid, plan.inputs)


def _refused(entry: Refusal) -> Failure:
    return Failure(scene_id=entry.scene_id, uri=entry.uri, error=REFUSED, message=entry.reason)
