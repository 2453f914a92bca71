"""Plans of scenes whose proposals an output keeps: what they are is noted there, and their files are not looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from pipeline import raster
from pipeline.config import FlowSettings
from pipeline.errors import ResumeError
from pipeline.flow.planning import Planning, planned_of, windows_left, windows_planned
from pipeline.flow.records import KeptPlan, KeptWindow, Record, Split, each_record
from pipeline.flow.relabelling.kept_scenes import missing_scene
from pipeline.geometry.aoi import Aoi
from pipeline.geometry.scene import Scene
from pipeline.geometry.view import View
from pipeline.output import Output, SceneOutput, ledger
from pipeline.output.inputs import differences, read_note, remove_scene
from pipeline.storage import objects
from pipeline.store import ProposalsLayout


@dataclass(frozen=True, slots=True, kw_only=True)
class Relabelling(Planning):
    """What labelling again depends on beside the scene: also ``source``, the output whose proposals are labelled.

    That has data in ``source_aoi``, and its stores keep ``source_proposals``.
    Of how scenes are read, ``reading`` says the area of interest, and nothing else.
    """

    source: Output
    source_proposals: ProposalsLayout
    source_aoi: Aoi | None


def plan_kept_scene(split: Split, scene: Scene, planning: Relabelling) -> KeptPlan:
    """Plan a split's part of a scene: take over what is noted of it, and lay its mask store out.

    Raises:
        ProposalsMissing: the source has nothing of the scene.
        ResumeError: the scene has masks of what the source had before.
        PipelineError: the storage refused, or the output holds something else.
    """
    mine, theirs = planning.output.scene(scene.scene_id), planning.source.scene(scene.scene_id)
    objects.sweep(mine.ledger, below=planning.output.location)
    noted = read_note(theirs.inputs)
    if noted is None:
        raise missing_scene(theirs)
    note = objects.get_bytes(theirs.inputs)
    _pin(mine, theirs, note, keep_valid=planning.settings.keep_valid)
    view = View.from_values(noted["view"])
    outline = raster.outlined(view, planning.reading)
    left = windows_left(split, scene, planning, view=view, outline=outline)
    bits, digest = np.packbits(left), ledger.inputs_digest(note)
    return KeptPlan(scene, view, outline, split.part, split.parts, len(left), bits, digest)


def kept_windows(table: pa.Table, *, settings: FlowSettings) -> Iterator[pa.Table]:
    """Yield what a plan holds, then its windows; pass everything else on."""
    yield from each_record(table, step=partial(_windows, settings=settings))


def _windows(record: Record, settings: FlowSettings) -> Iterator[Record]:
    if not isinstance(record, KeptPlan):
        yield record
        return
    yield planned_of(record)
    for window in windows_planned(record, settings):
        yield KeptWindow(record.scene, record.view, window, record.inputs_digest)


def _pin(mine: SceneOutput, theirs: SceneOutput, note: bytes, *, keep_valid: bool) -> None:
    """Note of a scene what the source notes of it; doing it twice changes nothing.

    With ``keep_valid`` a scene that was done anew there loses its masks, instead of being refused.
    """
    before = read_note(mine.inputs)
    if before is not None and objects.get_bytes(mine.inputs) == note:
        return
    if before is not None and ledger.done(mine):
        if not keep_valid:
            said = differences(before, read_note(theirs.inputs) or {}) or "it is read in another way"
            raise ResumeError(
                f"{mine.output} holds masks of {mine.scene_id} as {theirs.output} had it before it was done anew: "
                f"{said}. Give another output, or --keep-valid to have only what has changed done anew"
            )
        remove_scene(mine)
    objects.put_bytes(mine.inputs, note)
