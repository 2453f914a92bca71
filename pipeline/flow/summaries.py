"""The sum of an output, in a task for each part of its statistics, however many scenes there are."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import groupby, islice

import ray
from ray.exceptions import RayTaskError

from pipeline import statistics
from pipeline.errors import PipelineError
from pipeline.flow.progress.tally import Tally
from pipeline.flow.steps import summarize_scenes
from pipeline.output import Output, is_made
from pipeline.statistics import SceneSum
from pipeline.storage import objects

_LIST_AGAIN_S = (1.0, 5.0, 15.0)  # between listings that are too short
_TASKS = 256  # asked for at a time
_LONGEST_S = 6 * 3600.0  # to wait for one: scenes of a million windows are read in it ten times over


def summarize(
    output: Output, *, classes: Sequence[str], cpus: float | int, tally: Tally
) -> Iterator[SceneSum]:
    """Write the statistics of the output, a task for each part, and yield the sum of each scene, by scene id.

    Raises:
        PipelineError: the storage refused, or lists less than ``tally`` knows to be done.
    """
    scene_ids = _listed(output, tally)
    least = tally.least(scene_ids)
    by_part = sorted((output.path_of(output.scene(each).statistics), each) for each in scene_ids)
    parts = [[each for _, each in part] for _, part in groupby(by_part, key=lambda pair: pair[0])]
    found = [*_in_tasks([{each: least[each] for each in part} for part in parts], output, classes, cpus)]
    _remove_others(output, keep={path for path, _ in by_part})
    return statistics.merged(found)


def _in_tasks(
    parts: Sequence[dict[str, int]], output: Output, classes: Sequence[str], cpus: float | int
) -> Iterator[bytes]:
    """Yield what the tasks of all parts return, which are a few at a time."""
    # A claim, however small: without one Ray would start all of them at once.
    task = ray.remote(num_cpus=cpus)(summarize_scenes)
    left = iter(parts)
    running: deque[ray.ObjectRef[bytes]] = deque()
    while True:
        running.extend(task.remote(part, output, classes) for part in islice(left, _TASKS - len(running)))
        if not running:
            return
        try:
            yield ray.get(running.popleft(), timeout=_LONGEST_S)
        except RayTaskError as error:
            if isinstance(error.cause, PipelineError):
                raise error.cause from error
            raise


def _remove_others(output: Output, *, keep: set[str]) -> None:
    """Remove parts of scenes of which nothing is done any more, and tables of an earlier layout, a scene each."""
    for name in objects.list_names(output.statistics):
        there = output.statistics.join(name)
        path = output.path_of(there)
        if path not in keep and is_made(path):
            objects.remove(there, below=output.location)


def _listed(output: Output, tally: Tally) -> list[str]:
    """Return the ids of the scenes of which something is done; list again where one is missing."""
    for pause_s in _LIST_AGAIN_S:
        found = output.scene_ids()
        if not tally.lacks(found):
            return found
        time.sleep(pause_s)
    found = output.scene_ids()
    if tally.lacks(found):
        raise PipelineError(
            f"the ledger of {output} lists fewer scenes than were done: the storage's listing is not whole, or "
            "somebody removed some. The same command does again what is missing"
        )
    return found
