"""What a run is made of, who looks on, and what it comes to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ray.data import Dataset

from pipeline.config import FlowSettings
from pipeline.flow.progress.counter import Progress
from pipeline.flow.resources.sizing import WorkerCounts
from pipeline.flow.watch.guard import Guard
from pipeline.geometry.scene import Scene
from pipeline.output import Output
from pipeline.output.failure import Failure
from pipeline.sources.naming import Refusal
from pipeline.store import StoreTerms


@dataclass(frozen=True, slots=True)
class RunResult:
    """How many windows were computed now, were done before, and failed; and what failed and why.

    ``failures`` are the first hundred of ``failures_in_all``; the table of the output has all.
    """

    windows_done: int
    windows_skipped: int
    windows_failed: int
    failures: tuple[Failure, ...]
    failures_in_all: int

    @property
    def scenes_failed(self) -> int:
        """How many scenes failed whole."""
        return self.failures_in_all - self.windows_failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervision:
    """Who looks on while a run is on.

    Events are told under ``run_id``, or one of their own. ``supervise`` is called with the counts after each record,
    and may end the run by a ``RunStoppedError``. ``check_lease`` is called before a table is written, and raises where
    the output is another run's.
    """

    run_id: str | None = None
    supervise: Callable[[Progress], None] | None = None
    check_lease: Callable[[], None] | None = None


@runtime_checkable
class Spec(Protocol):
    """What a run is made of: its chain of steps can be begun again, as often as it breaks."""

    @property
    def scenes(self) -> Iterable[Scene | Refusal]:
        """What to run over, in an order of its own each time."""

    @property
    def output(self) -> Output:
        """Where to."""

    @property
    def classes(self) -> Sequence[str]:
        """The names of the class ids 1..k."""

    @property
    def store_terms(self) -> StoreTerms:
        """What its mask stores have in common."""

    @property
    def settings(self) -> FlowSettings:
        """How it is cut up, and what it claims."""

    def in_flight_bytes(self, workers: WorkerCounts) -> int:
        """Return what the object store may hold of the run, over all steps."""

    def chain(self, workers: WorkerCounts, guard: Guard) -> Dataset:
        """Chain the steps, from the list of scenes to the ledger."""

    def windows_if_done(self, scene: Scene) -> int | None:
        """Return how many windows a scene has where nothing of it is left to do; None otherwise."""
