"""Who began what: work that takes its process down with it is known, and is not tried for ever.

Ray begins a task anew whose process died, as often as it takes. A window that kills every process that touches it
(a crash in a decoder, not enough memory, a call that hangs) would so keep a run from ever ending. Processes tell
one small actor what they begin and what they end, and what was begun three times and never ended becomes a failure.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import ray

from pipeline.errors import PipelineError

TRIES = 3


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
        """Whether it may take only so long: all but listing, which may be of any number of objects."""
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
        self._splits: int | None = None

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
        """Return how many actors were placed by Ray and begin to start."""
        return len(self._starts)

    def listed(self, splits: int) -> None:
        """Note that the list is read to its end, and how many splits it has."""
        self._splits = splits

    def planned(self, split: int, windows: int, *, whole: bool = False) -> None:
        """Note how many windows a split has, as far as it is planned."""
        self._planned[split] = windows
        if whole:
            self._wholly_planned.add(split)

    def ahead(self) -> Ahead:
        """Return how many windows are planned, and whether there may be more."""
        return Ahead(sum(self._planned.values()), whole=self._splits == len(self._wholly_planned))

    def release(self) -> None:
        """Forget what is in flight: the run itself ends these processes, which is no fault of their work."""
        self._starts.clear()
        self._planned.clear()
        self._wholly_planned.clear()
        self._splits = None
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
