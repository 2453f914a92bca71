"""One task a scene, some at a time, for what is made of an output's scenes one by one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import ray
from ray.exceptions import RayTaskError

from pipeline.errors import PipelineError

_AHEAD = 256  # tasks that are asked for at a time

Made = TypeVar("Made")
Some = TypeVar("Some")
"""The id of a scene, or those of some."""


def map_scenes(
    make: Callable[[Some], Made], scene_ids: Iterable[Some], *, cpus: float = 1.0
) -> Iterator[Made]:
    """Call ``make`` with each id, or with some of them, in tasks of the cluster that is joined, and yield in order.

    Raises:
        PipelineError: a task raised it; tasks that are on are cancelled.
    """
    task: Any = ray.remote(num_cpus=cpus)(_made)
    function = ray.put(make)  # Ray takes no partial functions for tasks
    ids = iter(scene_ids)
    running: deque[ray.ObjectRef[Made]] = deque()
    try:
        while True:
            running.extend(task.remote(function, each) for each in islice(ids, _AHEAD - len(running)))
            if not running:
                return
            yield ray.get(running[0])
            running.popleft()
    except RayTaskError as error:
        if isinstance(error.cause, PipelineError):
            raise error.cause from error
        raise
    finally:
        for each in running:
            ray.cancel(each)


def _made(make: Callable[[Some], Made], some: Some) -> Made:
    return make(some)
