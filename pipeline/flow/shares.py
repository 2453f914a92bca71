"""Shares: the work of the reading tasks, planned by themselves.

A share is one scene or some, or every n-th window of a scene. Its task opens the scene, lays out the store and
lists the ledger, so that nothing is planned before its turn, and one large scene is read by several.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from pipeline import inputs, ledger, objects, raster, store
from pipeline.chips import ChipLayout, cover
from pipeline.config import FlowSettings, Reading
from pipeline.flow.records import Pixels, Planned, Record, Row, Share, attempt, packed, unpacked
from pipeline.grid import plan_windows
from pipeline.raster import Outline
from pipeline.scene import Refusal, Scene, scene_of
from pipeline.statistics import Failure
from pipeline.view import View
from pipeline.window import Window

_MOST_SCENES = 64  # a share: a task costs the driver as much as reading a small scene does
_SHARES_A_READER = 16  # before shares grow, so that a short list is spread evenly


@dataclass(frozen=True, slots=True)
class Plan:
    """What a share needs to know of a scene: how it is read, and the windows of this share still to do."""

    view: View
    outline: Outline | None
    windows: Sequence[Window]
    skipped: int


def list_shares(_: Row, *, scenes: Iterable[Scene | Refusal], readers: int) -> Iterator[Row]:
    """List the scenes and yield shares as they come: enough for all readers, and no more than are worth a task.

    Where there are fewer scenes than readers, a scene is in several shares.
    """
    ahead = iter(scenes)
    first = list(islice(ahead, readers))
    parts = -(-readers // max(1, len(first)))
    for entry in first:
        for part in range(parts):
            yield packed(Share((entry,), part, parts))
    listed = len(first)
    while entries := tuple(islice(ahead, min(_MOST_SCENES, 1 + listed // (_SHARES_A_READER * readers)))):
        listed += len(entries)
        yield packed(Share(entries, 0, 1))


def store_uri(output: str, scene: Scene) -> str:
    """Return where a scene's masks are."""
    return objects.join(output, "scenes", scene.scene_id, "masks.zarr")


def read_share(
    row: Row,
    *,
    output: str,
    classes: Sequence[str],
    layout: ChipLayout,
    settings: FlowSettings,
    reading: Reading,
) -> Iterator[Row]:
    """Plan each scene of a share, then read its windows one by one; what fails is a record like any other."""
    share = unpacked(row)
    if not isinstance(share, Share):
        raise TypeError(f"expected a share, got {share!r}")
    for entry in share.entries:
        if isinstance(entry, Refusal):
            yield packed(_refused(entry))
            continue
        plans: list[Plan] = []

        def announce(scene: Scene = entry, plans: list[Plan] = plans) -> Record:
            view = inputs.claim(output, scene, reading)
            store.lay_out(
                store_uri(output, scene), header=view.header, classes=classes, chunk_px=settings.chunk_px
            )
            outline = None if reading.aoi is None else raster.outline_of(view, reading.aoi)
            done = ledger.done(output, scene.scene_id)
            plans.append(_plan(share, view, outline, done=done, window_px=settings.window_px))
            return Planned(len(plans[0].windows) + plans[0].skipped, plans[0].skipped)

        yield packed(attempt(announce, scene=entry, window=None))
        for plan in plans:
            for window in plan.windows:
                yield packed(_read(entry, plan, window, layout, reading))


def _plan(
    share: Share, view: View, outline: Outline | None, *, done: Collection[tuple[int, int]], window_px: int
) -> Plan:
    # Taken from all windows, not from those left: another share may list a ledger that has grown since.
    every = plan_windows(view.header.height, view.header.width, window_px=window_px)
    touched = every if outline is None else filter(outline.touches, every)
    mine = list(islice(touched, share.part, None, share.parts))
    left = [window for window in mine if (window.row_off, window.col_off) not in done]
    return Plan(view, outline, left, len(mine) - len(left))


def _read(scene: Scene, plan: Plan, window: Window, layout: ChipLayout, reading: Reading) -> Record:
    def step() -> Record:
        pixels, valid = raster.read_view(plan.view, cover(window, layout), reading, plan.outline)
        return Pixels(scene, plan.view.header, window, pixels, valid)

    return attempt(step, scene=scene, window=window)


def _refused(entry: Refusal) -> Failure:
    return Failure(
        scene_id=scene_of(entry.uri).scene_id, uri=entry.uri, error="Refusal", message=entry.reason
    )
