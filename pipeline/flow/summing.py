"""The sum of an output, scene by scene, in tasks: some hundred at a time, however many scenes there are."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import ray
from ray.exceptions import RayTaskError

from pipeline import ledger
from pipeline.errors import PipelineError
from pipeline.flow.steps import sum_up

_SCENES = 16  # a task
_TASKS = 256  # asked for at a time
_LONGEST_S = 6 * 3600.0  # to wait for one: scenes of a million windows are read in it ten times over


def summed_up(output: str, *, classes: Sequence[str], cpus: float | int) -> Iterator[dict[str, Any]]:
    """Write the statistics of each scene of the output, in tasks, and yield the summary of all, by scene id."""
    # A claim, however small: without one Ray would start all of them at once.
    task = ray.remote(num_cpus=cpus)(sum_up)
    ids = iter(ledger.scene_ids(output))
    running: deque[ray.ObjectRef[list[dict[str, Any]]]] = deque()
    while True:
        while len(running) < _TASKS and (some := list(islice(ids, _SCENES))):
            running.append(task.remote(some, output, classes))
        if not running:
            return
        try:
            yield from ray.get(running.popleft(), timeout=_LONGEST_S)
        except RayTaskError as error:
            if isinstance(error.cause, PipelineError):
                raise error.cause from error
            raise
