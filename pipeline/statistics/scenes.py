"""The statistics of a scene from its ledger, or as they are kept, where they still are of that ledger.

Kept statistics note the names and sizes of the entries that they are of. They are taken as they are where the ledger
has these very entries and none was written after them, both by the storage's own clock: a window that was done again
is newer than they are.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.output import Plan, SceneOutput, ledger, offsets_of, plan_of
from pipeline.output.ledger import listing_digest
from pipeline.statistics.classes import scene_summary
from pipeline.statistics.facts import facts_in_note
from pipeline.statistics.tables import ABOUT_KEY, LISTING_KEY, write_scene
from pipeline.storage import objects
from pipeline.storage.objects import Listed

_Scene = tuple[list[dict[str, Any]], Mapping[str, Any]]
"""The rows of a scene's windows, and what is known about the scene."""


def summarize_scene(scene: SceneOutput, *, classes: Sequence[str], least: int = 0) -> list[dict[str, Any]]:
    """Have OUT/statistics/SCENE_ID.parquet be of the scene's ledger, and return its part of the summary.

    ``least`` is how many windows are known to be done. Nothing is written where none is, and nothing returned where
    none was planned either.

    Raises:
        PipelineError: the storage refused, lists less than is known to be done, or an entry is damaged.
    """
    listed = ledger.list_objects(scene, least=least)
    found = [each for each in listed if offsets_of(each.path) is not None]
    plan = next((plan for each in listed if (plan := plan_of(each.path)) is not None), None)
    if not found and (plan is None or not plan.windows):
        return []
    rows, known = _kept(scene, found) or _summed(scene, found)
    windows = windows_of(plan, done=len(found))
    return scene_summary(scene.scene_id, rows, classes=classes, about=known, windows=windows)


def windows_of(plan: Plan | None, *, done: int) -> tuple[int, int | None]:
    """Return how many windows of a scene are done, and how many are not: after a run these are those that failed."""
    return done, None if plan is None else plan.windows - done


def _summed(scene: SceneOutput, found: Sequence[Listed]) -> _Scene:
    """Write the rows of what is done, if anything is."""
    known = facts_in_note(scene)
    if not found:
        return [], known
    offsets_done = [offsets for each in found if (offsets := offsets_of(each.path)) is not None]
    entries = ledger.entries(scene, offsets_done)
    listing = listing_digest(found)
    return write_scene(scene, entries=entries, listing=listing, about=known), known


def _kept(scene: SceneOutput, found: Sequence[Listed]) -> _Scene | None:
    """Return what is kept, None where it is missing, damaged or not of the ledger as it is."""
    written_s = objects.written_s(scene.statistics)
    if written_s is None or not found or max(each.written_s for each in found) > written_s:
        return None
    try:
        table = pq.read_table(io.BytesIO(objects.get_bytes(scene.statistics)))
        noted = table.schema.metadata or {}
        if noted.get(LISTING_KEY) == listing_digest(found).encode():
            return table.to_pylist(), json.loads(noted[ABOUT_KEY])
    except (FileNotFoundError, pa.ArrowException, OSError, ValueError, KeyError):
        return None
    return None
