"""The count of a run: its one line on a terminal, its events elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial

from pipeline import statistics
from pipeline.errors import PipelineError
from pipeline.flow.progress.events import Events
from pipeline.flow.progress.scene_warnings import SceneWarnings
from pipeline.flow.progress.tally import Tally
from pipeline.flow.records import Done, Planned, Record
from pipeline.flow.watch.registry import Ahead
from pipeline.output import Output, failures
from pipeline.output.failure import Failure
from pipeline.statistics import FailuresTable
from pipeline.storage.deadline import within

_TTY_EVERY_S, _LOG_EVERY_S = 0.5, 10.0
_LISTED_FAILURES = 100  # to show; all are in the table
_TABLE_S = 10.0  # for the table of a run that is cut off: what failed is noted already
_NOT_SAID = ("traceback", "run_id", "failed_at")  # an event has a time and a run of its own


@dataclass(slots=True)
class Progress:
    """Counts records as they arrive, and says how far the run is; what failed is noted before it arrives."""

    output: Output
    events: Events = field(default_factory=Events)
    supervise: Callable[[Progress], None] | None = None
    """Called after each record, outside of the count; what it raises ends the run."""
    check_lease: Callable[[], None] | None = None
    """Called before a table is written; raises where the output is another run's, or gone."""
    planned_ahead: Callable[[], Ahead | None] | None = None
    """Tells what is planned already; asked for when something is said."""
    tally: Tally = field(default_factory=Tally)
    planned: int = 0
    done: int = 0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)
    failed_whole: dict[str, str] = field(default_factory=dict)
    """The uris of scenes that failed whole, by their ids."""
    _ahead: Ahead = field(default_factory=lambda: Ahead(0, whole=False))
    _warnings: SceneWarnings = field(init=False)
    _found_done: int = 0
    _done_by_earlier: int = 0
    _seen: set[int] = field(default_factory=set)
    _pixels: int = 0
    _began_s: float = field(default_factory=time.monotonic)
    _told_s: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._warnings = SceneWarnings(self.events)

    def count(self, record: Record) -> None:
        """Take a record in; what fails in the same way twice fails once."""
        if isinstance(record, Planned):
            self.tally.add(record.scene_id, record.skipped)
            self.planned += record.windows
            self._found_done += record.skipped
            if record.found is not None:
                self._warnings.take(record.found)
        elif isinstance(record, Done):
            self.done += 1
            self.tally.add(record.scene.scene_id, 1)
            self._pixels += record.window.height * record.window.width
            at = {"row_off": record.window.row_off, "col_off": record.window.col_off}
            self.events.say("window_done", scene_id=record.scene.scene_id, **at)
        elif isinstance(record, Failure):
            self._count_failure(record)
        self.beat()

    def beat(self) -> None:
        """Say how far the run is.

        Raises:
            PipelineError: what ``supervise`` raised.
        """
        self._tell()
        if self.supervise is not None:
            self.supervise(self)

    def write(self) -> None:
        """Write the table of what is noted, of a run that is cut off: in little time, or not at all.

        Raises:
            PipelineError: the storage refused or was slow, or the output is no longer this run's.
        """
        late = PipelineError(f"the failures of {self.output} could not be read in {_TABLE_S:.0f} s")
        self._put(within(_TABLE_S, partial(statistics.failures_table, self.output), late=late))

    def begin_again(self, *, reason: str) -> None:
        """Begin to count what a new attempt says of every scene: what failed is tried again, and counts if it fails.

        What the earlier attempts said they did counts as done by this run, though the new one finds it in the ledger. A
        window whose end was on its way when the chain broke is found there too, and counts as skipped.
        """
        self.events.warn("begun_again", f"the chain broke and is begun again: {reason}")
        self.planned, self._found_done, self._done_by_earlier = 0, 0, self.done
        self.failed = 0
        self._ahead = Ahead(0, whole=False)
        self.tally.clear()
        self.failures.clear()
        self.failed_whole.clear()
        self._seen.clear()
        self._warnings.begin_again()

    def finish(self) -> None:
        """Say that the run came to its end; write the table of what failed in it, and forget what failed before.

        Raises:
            PipelineError: the storage refused, or the output is no longer this run's.
        """
        self._ahead = Ahead(self.planned, whole=True)
        self.say_end("done")
        table = statistics.failures_table(self.output, of_run=self.events.run_id)
        self._put(table)
        failures.remove(self.output, table.overridden)

    def _put(self, table: FailuresTable) -> None:
        """Write a table, if the output is still this run's."""
        if self.check_lease is not None:
            self.check_lease()
        statistics.put_failures(self.output, table)

    def say_end(self, how: str) -> None:
        """Say how the run ended."""
        if sys.stderr.isatty():
            sys.stderr.write(self._line() + "\n")
        self._warnings.finish()
        self.events.say("run_ended", how=how, **self._counts())

    @property
    def skipped(self) -> int:
        """Windows that were done before this run."""
        return max(0, self._found_done - self._done_by_earlier)

    @property
    def failures_in_all(self) -> int:
        """Scenes and windows that failed, of which ``failures`` has the first."""
        return len(self._seen)

    @property
    def scenes_failed(self) -> int:
        """Scenes that failed whole."""
        return self.failures_in_all - self.failed

    def _count_failure(self, failure: Failure) -> None:
        key = hash((failure.scene_id, failure.identity))  # a scene fails in each of its splits
        if key in self._seen:
            return
        self._seen.add(key)
        self.failed += failure.row_off is not None
        if failure.row_off is None:
            self.failed_whole[failure.scene_id] = failure.uri
        if len(self.failures) < _LISTED_FAILURES:
            self.failures.append(failure)
        name = "scene_failed" if failure.row_off is None else "window_failed"
        self.events.say(
            name, **{key: value for key, value in asdict(failure).items() if key not in _NOT_SAID}
        )

    def _tell(self) -> None:
        now_s, terminal = time.monotonic(), sys.stderr.isatty()
        if now_s - self._told_s < (_TTY_EVERY_S if terminal else _LOG_EVERY_S):
            return
        self._told_s = now_s
        if self.planned_ahead is not None:
            self._ahead = self.planned_ahead() or self._ahead
        if terminal:
            sys.stderr.write(self._line() + "\r")
            sys.stderr.flush()
        self.events.say("progress", **self._counts())

    def _counts(self) -> dict[str, float | int]:
        """Return what is known of the run, in numbers."""
        seconds = time.monotonic() - self._began_s
        finished = self.done + self.skipped
        return {
            "windows_done": self.done,
            "windows_skipped": self.skipped,
            "windows_known": max(
                finished, self.planned, self._ahead.windows
            ),  # the plan of a split may come last
            "windows_failed": self.failed,
            "scenes_failed": self.scenes_failed,
            "failures": self.failures_in_all,
            "seconds": round(seconds, 1),
            "mpx_per_s": round(self._pixels / 1e6 / max(seconds, 1e-9), 2),
        }

    def _line(self) -> str:
        count = self._counts()
        finished = self.done + self.skipped
        more = "" if self._ahead.whole else " and more"
        return (
            f"windows: {finished} of {count['windows_known']}{more} done, {count['failures']} failures, "
            f"{count['mpx_per_s']:.2f} Mpx/s"
        )
