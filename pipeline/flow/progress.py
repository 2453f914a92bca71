"""The count of a run, and its one line on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from pipeline.flow.records import Done, Planned, Record
from pipeline.statistics import Failure
from pipeline.statistics.growing import GrowingTable

_TTY_EVERY_S, _LOG_EVERY_S = 0.5, 10.0
_LISTED_FAILURES = 100  # to show; all are in the table


@dataclass(slots=True)
class Progress:
    """Counts records as they arrive, and says how far the run is; failures go into their table."""

    table: GrowingTable
    watch: Callable[[Progress], None] | None = None
    """Called after each record, outside of the count; what it raises ends the run."""
    planned: int = 0
    skipped: int = 0
    done: int = 0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)
    _failed_places: set[int] = field(default_factory=set)
    _pixels: int = 0
    _began_s: float = field(default_factory=time.monotonic)
    _told_s: float = field(default_factory=time.monotonic)

    def count(self, record: Record) -> None:
        """Take a record in; what fails in the same way twice fails once."""
        if isinstance(record, Planned):
            self.planned += record.windows
            self.skipped += record.skipped
        elif isinstance(record, Done):
            self.done += 1
            self._pixels += record.window.height * record.window.width
        elif isinstance(record, Failure):
            self.failed += record.row_off is not None
            self._note(record)
        self._tell(_TTY_EVERY_S if sys.stderr.isatty() else _LOG_EVERY_S)
        if self.watch is not None:
            self.watch(self)

    def finish(self) -> None:
        """Say how the run ended, and write the table of what failed."""
        self._tell(0.0, end="\n")
        self.table.close()

    @property
    def failures_in_all(self) -> int:
        """Scenes and windows that failed, of which ``failures`` has the first."""
        return len(self._failed_places)

    def _note(self, failure: Failure) -> None:
        at = failure.message if failure.row_off is None else (failure.row_off, failure.col_off)
        place = hash((failure.scene_id, at))  # a scene fails in each of its shares
        if place in self._failed_places:
            return
        self._failed_places.add(place)
        self.table.add(asdict(failure))
        if len(self.failures) < _LISTED_FAILURES:
            self.failures.append(failure)

    def _tell(self, every_s: float, *, end: str = "\r") -> None:
        now_s = time.monotonic()
        if now_s - self._told_s < every_s:
            return
        self._told_s = now_s
        rate = self._pixels / 1e6 / max(now_s - self._began_s, 1e-9)
        finished = self.done + self.skipped
        known = max(finished, self.planned)  # a window may arrive before the plan of its share does
        line = f"windows: {finished} of {known} done, {self.failures_in_all} failures"
        sys.stderr.write(f"{line}, {rate:.2f} Mpx/s{end if sys.stderr.isatty() else chr(10)}")
        sys.stderr.flush()
