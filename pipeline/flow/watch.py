"""Who began what: work that takes its process down with it is known, and is not tried for ever.

Ray begins a task anew whose process died, as often as it takes. A window that kills every process that touches it
(a crash in a decoder, not enough memory, a call that hangs) would so keep a run from ever ending. Processes tell
one small actor what they begin and what they end, and what was begun three times and never ended becomes a failure.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

import ray
from ray.actor import ActorHandle
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from pipeline.errors import PipelineError
from pipeline.flow.deadline import ends_after
from pipeline.flow.notes import Notes

TRIES = 3
_ANSWER_S = 2.0  # of the watch, to what can be done without

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Work:
    """What a process begins and ends: a ``stage`` of a scene or a window; ``part`` tells which of several."""

    stage: str
    scene_id: str | None = None
    row_off: int | None = None
    col_off: int | None = None
    part: str | None = None

    @property
    def limited(self) -> bool:
        """Whether it may take only so long: all but listing, which may look through any number of objects."""
        return self.stage != "list"

    def __str__(self) -> str:
        at = "" if self.row_off is None else f" at row {self.row_off}, column {self.col_off}"
        return f"{self.stage} {' '.join(filter(None, (self.scene_id, self.part)))}{at}".rstrip()


@dataclass(frozen=True, slots=True)
class Process:
    """A worker of the cluster."""

    node_id: str
    pid: int


@dataclass(frozen=True, slots=True)
class InFlight:
    """Work that was begun and has not ended."""

    work: Work
    by: Process
    age_s: float


@dataclass(frozen=True, slots=True)
class Lost:
    """How many processes were lost at a piece of work, and how many of these had been at it longer than allowed."""

    processes: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Ahead:
    """The windows of what is planned already, which is told long before a plan's windows arrive at the driver.

    ``whole`` says that the list was read to its end and all of it is planned.
    """

    windows: int
    whole: bool


class Quarantined(PipelineError):  # noqa: N818 - the word of the table of failures
    """Work that every process was lost at."""


@dataclass(slots=True)
class _Begun:
    by: Process
    at_s: float
    overdue: bool = False


@dataclass(slots=True)
class _Tries:
    begun: list[_Begun] = field(default_factory=list)
    given_up: bool = False


class Watch:
    """An actor: knows what was begun and not ended. What it holds is as much as there is in flight."""

    def __init__(self, limit_s: float | int) -> None:
        """Call work overdue that takes longer than ``limit_s``."""
        self._limit_s = limit_s
        self._tries: dict[Work, _Tries] = {}
        self._starts: set[Work] = set()
        self._planned: dict[int, int] = {}
        self._wholly_planned: set[int] = set()
        self._shares: int | None = None

    def begin(self, work: Work, by: Process) -> Lost | None:
        """Note that ``work`` begins, or say that it must not: too many processes were lost at it."""
        if work.stage == "start":
            self._starts.add(work)
        tries, now_s = self._tries.setdefault(work, _Tries()), time.monotonic()
        if tries.begun and not tries.given_up:
            tries.begun[-1].overdue = work.limited and now_s - tries.begun[-1].at_s >= self._limit_s
        tries.given_up = tries.given_up or (len(tries.begun) >= TRIES and self._blameworthy(tries))
        if tries.given_up:
            return Lost(len(tries.begun), sum(each.overdue for each in tries.begun))
        tries.begun.append(_Begun(by, now_s))
        return None

    def end(self, work: Work) -> None:
        """Note that ``work`` has ended, well or not."""
        self._tries.pop(work, None)

    def starts(self) -> int:
        """Return how many actors have a place and begun to start."""
        return len(self._starts)

    def listed(self, shares: int) -> None:
        """Note that the list is read to its end, and how many shares it has."""
        self._shares = shares

    def planned(self, share: int, windows: int, *, whole: bool = False) -> None:
        """Note how many windows a share has, as far as it is planned."""
        self._planned[share] = windows
        if whole:
            self._wholly_planned.add(share)

    def ahead(self) -> Ahead:
        """Return how many windows are planned, and whether there may be more."""
        return Ahead(sum(self._planned.values()), whole=self._shares == len(self._wholly_planned))

    def release(self) -> None:
        """Forget what is in flight: the run itself ends these processes, which is no fault of their work."""
        self._starts.clear()
        self._planned.clear()
        self._wholly_planned.clear()
        self._shares = None
        for tries in self._tries.values():
            if not tries.given_up:
                tries.begun.pop()
        self._tries = {work: tries for work, tries in self._tries.items() if tries.begun}

    def in_flight(self) -> list[InFlight]:
        """Return what was begun and has not ended, the oldest first."""
        now_s = time.monotonic()
        found = [
            InFlight(work, tries.begun[-1].by, now_s - tries.begun[-1].at_s)
            for work, tries in self._tries.items()
            if not tries.given_up
        ]
        return sorted(found, key=lambda each: -each.age_s)

    @staticmethod
    def _blameworthy(tries: _Tries) -> bool:
        """Forget processes that were lost with their node: that is no fault of the work."""
        alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}  # type: ignore[no-untyped-call]
        tries.begun = [each for each in tries.begun if each.by.node_id in alive]
        return len(tries.begun) >= TRIES


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
