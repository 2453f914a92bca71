"""The sums of scenes from their ledgers, or as they are kept, where they still are of these ledgers.

Kept statistics note the names and sizes of the entries that they are of. They are taken as they are where the ledger
has these very entries and none was written after them, both by the storage's own clock: a window that was done again
is newer than they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.output import Output, Plan, SceneOutput, ledger, offsets_of, plan_of
from pipeline.output.ledger import listing_digest
from pipeline.statistics.classes import scene_summary
from pipeline.statistics.facts import ABOUT, facts_by_note
from pipeline.statistics.parts import KeptPart, PartWriter, read_part
from pipeline.statistics.sums import SceneSum
from pipeline.statistics.tables import scene_rows
from pipeline.storage import objects
from pipeline.storage.location import Location
from pipeline.storage.objects import Listed


def summarize_scenes(output: Output, least: Mapping[str, int], *, classes: Sequence[str]) -> list[SceneSum]:
    """Have a part of OUT/statistics be of the ledgers of all of its scenes, and return their sums, by scene id.

    ``least`` has their ids, and of each how many windows are known to be done. A scene has no sum where none is, and
    none was planned either.

    Raises:
        PipelineError: the storage refused, lists less than is known to be done, or an entry is damaged.
        ValueError: the scenes are not all of one part.
    """
    (location,) = {output.scene(scene_id).statistics for scene_id in least}
    kept, part, same, sums = read_part(location), PartWriter(), True, []
    for scene_id in sorted(least):
        found = _Found.of(output.scene(scene_id), least=least[scene_id])
        mine = kept if kept is not None and found.is_kept(kept) else None
        rows = found.rows() if mine is None else mine.rows(scene_id)
        facts = facts_by_note(found.scene, rows) if mine is None else mine.facts(scene_id)
        if found.entries:
            part.add(scene_id, rows, listing=found.listing, facts=facts)
            same &= mine is not None
        if found.entries or (found.plan is not None and found.plan.windows):
            sums.append(scene_sum(scene_id, rows, facts=facts, classes=classes, windows=found.windows))
    _keep(location, part, kept=kept, same=same, scene_ids={each.scene_id for each in sums if each.is_begun})
    return sums


def scene_sum(
    scene_id: str,
    rows: Iterable[Mapping[str, Any]],
    *,
    facts: Mapping[str, Any],
    classes: Sequence[str],
    windows: tuple[int, int | None],
) -> SceneSum:
    """Return the sum of a scene from the rows of its statistics; of its ``windows`` so many are done and are not."""
    about = {name: facts[name] for name in ABOUT}
    records = scene_summary(scene_id, rows, classes=classes, about=about, windows=windows)
    return SceneSum(scene_id, facts, tuple(records))


def windows_of(plan: Plan | None, *, done: int) -> tuple[int, int | None]:
    """Return how many windows of a scene are done, and how many are not: after a run these are those that failed."""
    return done, None if plan is None else plan.windows - done


class _Found(NamedTuple):
    """What the ledger lists of a scene."""

    scene: SceneOutput
    entries: list[Listed]
    plan: Plan | None
    listing: str

    @classmethod
    def of(cls, scene: SceneOutput, *, least: int) -> _Found:
        listed = ledger.list_objects(scene, least=least)
        entries = [each for each in listed if offsets_of(each.path) is not None]
        plan = next((plan for each in listed if (plan := plan_of(each.path)) is not None), None)
        return cls(scene, entries, plan, listing_digest(entries))

    @property
    def windows(self) -> tuple[int, int | None]:
        return windows_of(self.plan, done=len(self.entries))

    def is_kept(self, kept: KeptPart) -> bool:
        """Tell whether what is kept is of these very entries."""
        newest_s = max((each.written_s for each in self.entries), default=0.0)
        return newest_s <= kept.written_s and kept.listing(self.scene.scene_id) == self.listing

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of the windows that are done."""
        done = [offsets for each in self.entries if (offsets := offsets_of(each.path)) is not None]
        scene_id = self.scene.scene_id
        return [row for entry in ledger.entries(self.scene, done) for row in scene_rows(scene_id, entry)]


def _keep(
    location: Location, part: PartWriter, *, kept: KeptPart | None, same: bool, scene_ids: set[str]
) -> None:
    """Write a part that is not as it is kept; remove one that is of nothing any more."""
    if not scene_ids:
        objects.remove(location)
    elif not same or kept is None or kept.scene_ids != scene_ids:
        objects.put_bytes(location, part.content())
