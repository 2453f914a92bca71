"""The count of a run, and its one line on stderr."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

from pipeline.flow.records import Done, Planned, Record
from pipeline.statistics import Failure

_TTY_EVERY_S, _LOG_EVERY_S = 0.5, 10.0


@dataclass(slots=True)
class Progress:
    """Counts records as they arrive, and says how far the run is."""

    planned: int = 0
    skipped: int = 0
    done: int = 0
    failed: int = 0
    failures: dict[tuple[str, int | None, int | None], Failure] = field(default_factory=dict)
    _pixels: int = 0
    _began_s: float = field(default_factory=time.monotonic)
    _told_s: float = field(default_factory=time.monotonic)

    def count(self, record: Record) -> None:
        """Take a record in; a scene that fails in each of its shares fails once."""
        if isinstance(record, Planned):
            self.planned += record.windows
            self.skipped += record.skipped
        elif isinstance(record, Done):
            self.done += 1
            self._pixels += record.window.height * record.window.width
        elif isinstance(record, Failure):
            self.failed += record.row_off is not None
            self.failures.setdefault((record.scene_id, record.row_off, record.col_off), record)
        self._tell(_TTY_EVERY_S if sys.stderr.isatty() else _LOG_EVERY_S)

    def finish(self) -> None:
        """Say how the run ended."""
        self._tell(0.0, end="\n")

    def _tell(self, every_s: float, *, end: str = "\r") -> None:
        now_s = time.monotonic()
        if now_s - self._told_s < every_s:
            return
        self._told_s = now_s
        rate = self._pixels / 1e6 / max(now_s - self._began_s, 1e-9)
        finished = self.done + self.skipped
        known = max(finished, self.planned)  # a window may arrive before the plan of its share does
        line = f"windows: {finished} of {known} done, {len(self.failures)} failures"
        sys.stderr.write(f"{line}, {rate:.2f} Mpx/s{end if sys.stderr.isatty() else chr(10)}")
        sys.stderr.flush()
