"""Work under the eyes of the watch: for so long and no longer, and not again where it was given up."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import ray
from ray.actor import ActorHandle
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from pipeline.flow.failure_notes import Notes
from pipeline.flow.watch.deadline import ends_after
from pipeline.flow.watch.registry import Ahead, Lost, Process, Quarantined, Watch, Work

T = TypeVar("T")


_ANSWER_S = 2.0  # of the watch, to what can be done without


@dataclass(frozen=True, slots=True)
class Guard:
    """What a worker needs to do something under the eyes of the watch, for at most ``limit_s``, or to say why not."""

    watch: ActorHandle[Any]
    limit_s: float | int
    notes: Notes

    def watched(self, work: Work, step: Callable[[], T]) -> T:
        """Return what ``step`` gives. After ``limit_s`` the process ends, because a call may be deaf to all else.

        Raises:
            Quarantined: processes were lost at this work before, and it is not tried again.
        """
        here = Process(ray.get_runtime_context().get_node_id(), os.getpid())
        begun: ray.ObjectRef[Lost | None] = self.watch.begin.remote(work, here)
        lost = ray.get(begun)
        if lost is not None:
            raise Quarantined(_reason(work, lost, limit_s=self.limit_s))
        try:
            with ends_after(self.limit_s) if work.limited else nullcontext():
                return step()
        finally:
            # Calls arrive in their order: it is known before this process begins anything else.
            self.watch.end.remote(work)

    def ahead(self) -> Ahead | None:
        """Return what is planned already; None where the watch does not answer at once."""
        asked: ray.ObjectRef[Ahead] = self.watch.ahead.remote()
        try:
            return ray.get(asked, timeout=_ANSWER_S)
        except (GetTimeoutError, RayError):
            return None

    def starts(self) -> int:
        """Return how many actors have begun to start, 0 where the watch does not answer at once."""
        asked: ray.ObjectRef[int] = self.watch.starts.remote()
        try:
            return ray.get(asked, timeout=_ANSWER_S)
        except (GetTimeoutError, RayError):
            return 0


@contextmanager
def watching(limit_s: float | int, notes: Notes) -> Iterator[Guard]:
    """Have a watch beside the driver, whose end is that of the run anyway."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    options = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1, "scheduling_strategy": here}
    watch: ActorHandle[Any] = ray.remote(Watch).options(**options).remote(limit_s)  # type: ignore[assignment]
    try:
        yield Guard(watch, limit_s, notes)
    finally:
        ray.kill(watch)


def _reason(work: Work, lost: Lost, *, limit_s: float | int) -> str:
    died, slow = lost.processes - lost.overdue, lost.overdue
    parts = []
    if died:
        parts.append(f"its process died {died} times (a crash, a kill, or not enough memory)")
    if slow:
        parts.append(
            f"it took longer than window_timeout_s ({limit_s:g} s) {slow} times, and its process was ended"
        )
    remedy = "Ray's logs of these workers say where; the same command tries it again"
    return f"given up at the step {work.stage}: {' and '.join(parts)}. {remedy}"
