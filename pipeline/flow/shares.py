"""Shares: the work of the reading tasks, planned by themselves.

A share is every n-th window of a scene. Its task opens the scene, lays out the store and lists the ledger,
so that nothing is planned before its turn, and one large scene is read by several.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from pipeline import ledger, objects, raster, store
from pipeline.chips import ChipLayout, cover
from pipeline.config import FlowSettings
from pipeline.flow.records import Pixels, Planned, Record, Row, attempt, packed
from pipeline.grid import plan_windows
from pipeline.scene import Header, Scene
from pipeline.window import Window


@dataclass(frozen=True, slots=True)
class Plan:
    """What a share needs to know of a scene: its header and the windows of this share still to do."""

    header: Header
    windows: Sequence[Window]
    skipped: int


def shares(scenes: Sequence[Scene], *, readers: int) -> list[Row]:
    """Split scenes into enough shares for all readers: one each where there are many scenes."""
    parts = -(-readers // max(1, len(scenes)))
    return [
        {"scene_id": scene.scene_id, "uri": scene.uri, "part": part, "parts": parts}
        for scene in scenes
        for part in range(parts)
    ]


def store_uri(output: str, scene: Scene) -> str:
    """Return where a scene's masks are."""
    return objects.join(output, "scenes", scene.scene_id, "masks.zarr")


def read_share(
    share: Row, *, output: str, classes: Sequence[str], layout: ChipLayout, settings: FlowSettings
) -> Iterator[Row]:
    """Plan a share, then read its windows one by one; what fails is a record like any other."""
    scene = Scene(share["scene_id"], share["uri"])
    plans: list[Plan] = []

    def announce() -> Record:
        plans.append(_plan(share, scene, output=output, classes=classes, settings=settings))
        return Planned(len(plans[0].windows) + plans[0].skipped, plans[0].skipped)

    yield packed(attempt(announce, scene=scene, window=None))
    for plan in plans:
        for window in plan.windows:
            yield packed(_read(scene, plan.header, window, layout))


def _plan(share: Row, scene: Scene, *, output: str, classes: Sequence[str], settings: FlowSettings) -> Plan:
    header = raster.read_header(scene.uri)
    store.lay_out(store_uri(output, scene), header=header, classes=classes, chunk_px=settings.chunk_px)
    done = ledger.done(output, scene.scene_id)
    # Taken from all windows, not from those left: another share may list a ledger that has grown since.
    every = plan_windows(header.height, header.width, window_px=settings.window_px)
    mine = list(islice(every, share["part"], None, share["parts"]))
    left = [window for window in mine if (window.row_off, window.col_off) not in done]
    return Plan(header, left, len(mine) - len(left))


def _read(scene: Scene, header: Header, window: Window, layout: ChipLayout) -> Record:
    def step() -> Record:
        pixels, valid = raster.read(scene.uri, cover(window, layout))
        return Pixels(scene, header, window, pixels, valid)

    return attempt(step, scene=scene, window=window)
