"""Shares: the work of the reading tasks, planned by themselves.

A share is every n-th window of a scene. Its task opens the scene, lays out the store and lists the ledger,
so that nothing is planned before its turn, and one large scene is read by several.
"""

from __future__ import annotations

import pickle
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from pipeline import ledger, objects, raster, store
from pipeline.chips import ChipLayout, cover
from pipeline.config import FlowSettings, Reading
from pipeline.flow.records import Pixels, Planned, Record, Row, attempt, packed
from pipeline.flow.views import view_of
from pipeline.grid import plan_windows
from pipeline.raster import Outline
from pipeline.scene import Scene
from pipeline.view import View
from pipeline.window import Window


@dataclass(frozen=True, slots=True)
class Plan:
    """What a share needs to know of a scene: how it is read, and the windows of this share still to do."""

    view: View
    outline: Outline | None
    windows: Sequence[Window]
    skipped: int


def shares(scenes: Sequence[Scene], *, readers: int) -> list[Row]:
    """Split scenes into enough shares for all readers: one each where there are many scenes."""
    parts = -(-readers // max(1, len(scenes)))
    return [
        {"scene": pickle.dumps(scene), "part": part, "parts": parts}
        for scene in scenes
        for part in range(parts)
    ]


def store_uri(output: str, scene: Scene) -> str:
    """Return where a scene's masks are."""
    return objects.join(output, "scenes", scene.scene_id, "masks.zarr")


def read_share(
    share: Row,
    *,
    output: str,
    classes: Sequence[str],
    layout: ChipLayout,
    settings: FlowSettings,
    reading: Reading,
) -> Iterator[Row]:
    """Plan a share, then read its windows one by one; what fails is a record like any other."""
    scene: Scene = pickle.loads(share["scene"])  # noqa: S301 - made by this run
    plans: list[Plan] = []

    def announce() -> Record:
        view = view_of(scene, output=output, reading=reading)
        outline = None if reading.aoi is None else raster.outline_of(view, reading.aoi)
        done = ledger.done(output, scene.scene_id)
        plan = _plan(share, view, outline, done=done, window_px=settings.window_px)
        if plan.windows or plan.skipped:  # a scene that the area of interest does not touch has no masks
            store.lay_out(
                store_uri(output, scene), header=view.header, classes=classes, chunk_px=settings.chunk_px
            )
        plans.append(plan)
        return Planned(len(plan.windows) + plan.skipped, plan.skipped)

    yield packed(attempt(announce, scene=scene, window=None))
    for plan in plans:
        for window in plan.windows:
            yield packed(_read(scene, plan, window, layout, reading))


def _plan(
    share: Row, view: View, outline: Outline | None, *, done: Collection[tuple[int, int]], window_px: int
) -> Plan:
    # Taken from all windows, not from those left: another share may list a ledger that has grown since.
    every = plan_windows(view.header.height, view.header.width, window_px=window_px)
    touched = every if outline is None else filter(outline.touches, every)
    mine = list(islice(touched, share["part"], None, share["parts"]))
    left = [window for window in mine if (window.row_off, window.col_off) not in done]
    return Plan(view, outline, left, len(mine) - len(left))


def _read(scene: Scene, plan: Plan, window: Window, layout: ChipLayout, reading: Reading) -> Record:
    def step() -> Record:
        pixels, valid = raster.read_view(plan.view, cover(window, layout), reading, plan.outline)
        return Pixels(scene, plan.view.header, window, pixels, valid)

    return attempt(step, scene=scene, window=window)
