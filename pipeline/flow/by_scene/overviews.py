"""Overviews of an output's scenes, in tasks: what is of the ledger as it is is left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pipeline import statistics, store
from pipeline.errors import StoreError
from pipeline.flow.by_scene.tasks import map_scenes
from pipeline.flow.resources.sizing import nodes
from pipeline.geometry.view import View
from pipeline.output import Output, SceneOutput
from pipeline.output.inputs import read_note

_SCENES = 16  # a task at most
_TASKS_A_CPU = 8  # before a task has several scenes
_MOST_THREADS = 4  # of one scene: what is read and written waits for the storage beyond


@dataclass(frozen=True, slots=True)
class OverviewsMade:
    """Whether overviews of a scene were written, or why they cannot be."""

    scene_id: str
    written: bool
    reason: str | None = None


def make_overviews(
    output: Output,
    terms: store.StoreTerms,
    scene_ids: Sequence[str],
    *,
    least: Mapping[str, int] | None = None,
    renew: bool = False,
) -> Iterator[OverviewsMade]:
    """Have overviews of each scene be of its ledger, in tasks of the cluster that is joined; yield what was done.

    ``least`` is how many windows of scenes are known to be done. To ``renew`` is to lay the stores out again first, as
    this version does, where an earlier one made them. A scene whose store is damaged has none, and says why.

    Raises:
        PipelineError: the storage refused, or lists less than is known to be done.
    """
    cpus = [node.cpus for node in nodes()]
    threads = int(min(_MOST_THREADS, max(cpus))) if len(scene_ids) < sum(cpus) else 1
    some = max(1, min(_SCENES, int(len(scene_ids) // (_TASKS_A_CPU * sum(cpus)))))
    make_one = partial(_made_of, terms=terms, threads=max(1, threads), renew=renew)
    make = partial(_made, output=output, make_one=make_one, least=dict(least or {}))
    tasks = (scene_ids[start : start + some] for start in range(0, len(scene_ids), some))
    for made in map_scenes(make, tasks, cpus=float(min(max(1, threads), max(cpus)))):
        yield from made


def _made(
    scene_ids: Sequence[str],
    *,
    output: Output,
    make_one: Callable[..., OverviewsMade],
    least: Mapping[str, int],
) -> list[OverviewsMade]:
    return [make_one(output.scene(each), least=least.get(each, 0)) for each in scene_ids]


def _made_of(
    scene: SceneOutput, *, terms: store.StoreTerms, threads: int, renew: bool, least: int
) -> OverviewsMade:
    try:
        layout = _layout(scene, terms)
        if renew:
            store.lay_out_again(scene, layout)
        written = store.write_overviews(
            scene, layout, window_px=terms.window_px, threads=threads, least=least
        )
    except StoreError as error:
        return OverviewsMade(scene.scene_id, written=False, reason=str(error))
    return OverviewsMade(scene.scene_id, written)


def _layout(scene: SceneOutput, terms: store.StoreTerms) -> store.StoreLayout:
    """Return how the store of a scene is laid out, by what is noted of the scene."""
    noted = read_note(scene.inputs)
    if noted is None:
        raise StoreError(f"{scene.inputs} is missing: have `mrovseg verify --forget` look for what it was")
    view = View.from_values(noted["view"])
    return terms.layout(view.header, name=scene.scene_id, origin=statistics.origin(view))
