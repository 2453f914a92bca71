"""The sum of an output, scene by scene, in tasks: some hundred at a time, however many scenes there are."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import ray
from ray.exceptions import RayTaskError

from pipeline.errors import PipelineError
from pipeline.flow.progress.tally import Tally
from pipeline.flow.steps import summarize_scenes
from pipeline.output import Output, ledger

_SCENES = 16  # a task
_LIST_AGAIN_S = (1.0, 5.0, 15.0)  # between listings that are too short
_TASKS = 256  # asked for at a time
_LONGEST_S = 6 * 3600.0  # to wait for one: scenes of a million windows are read in it ten times over


def summarize(
    output: Output, *, classes: Sequence[str], cpus: float | int, tally: Tally
) -> Iterator[dict[str, Any]]:
    """Write the statistics of each scene of the output, in tasks, and yield the summary of all, by scene id.

    Raises:
        PipelineError: the storage refused, or lists less than ``tally`` knows to be done.
    """
    # A claim, however small: without one Ray would start all of them at once.
    task = ray.remote(num_cpus=cpus)(summarize_scenes)
    scene_ids = _listed(output, tally)
    least = tally.least(scene_ids)
    ids = iter(scene_ids)
    running: deque[ray.ObjectRef[list[dict[str, Any]]]] = deque()
    while True:
        while len(running) < _TASKS and (some := list(islice(ids, _SCENES))):
            running.append(task.remote({each: least[each] for each in some}, output, classes))
        if not running:
            return
        try:
            yield from ray.get(running.popleft(), timeout=_LONGEST_S)
        except RayTaskError as error:
            if isinstance(error.cause, PipelineError):
                raise error.cause from error
            raise


def _listed(output: Output, tally: Tally) -> list[str]:
    """Return the ids of the scenes of which something is done; list again where one is missing."""
    for pause_s in _LIST_AGAIN_S:
        found = ledger.scene_ids(output)
        if not tally.lacks(found):
            return found
        time.sleep(pause_s)
    found = ledger.scene_ids(output)
    if tally.lacks(found):
        raise PipelineError(
            f"the ledger of {output} lists fewer scenes than were done: the storage's listing is not whole, or "
            "somebody removed some. The same command does again what is missing"
        )
    return found
