"""The record of a training: losses and mIoU in a file, and log lines while it runs."""

import json
import math
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mrovseg.errors import DataError

LogLine = Callable[[str], None]


def log_to_stderr(line: str) -> None:
    """Write a line to stderr at once."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


class History:
    """What is trained and the rows so far, in `metrics.json` of a folder.

    A row holds the stage, the step it was written after, the mean losses since the row before, the learning rate, and
    the mIoU (None where nothing was measured). They are the same for a training that was stopped and went on, but for
    `slices_per_s`. Only one worker may write.
    """

    def __init__(self, folder: Path, *, log: LogLine = log_to_stderr) -> None:
        """Read what the folder's training has written so far."""
        self.folder = folder
        self.log = log
        self.about: dict[str, Any] | None = None
        self.rows: list[dict[str, Any]] = []
        if self._file.exists():
            written = json.loads(self._file.read_text())
            self.about, self.rows = written["about"], written["rows"]

    @property
    def _file(self) -> Path:
        return self.folder / "metrics.json"

    @property
    def best(self) -> float:
        """The highest mIoU so far; below any where there is none."""
        return max((row["miou"] for row in self.rows if row["miou"] is not None), default=-1.0)

    def require_same_training(self, about: Mapping[str, Any]) -> None:
        """Record what is trained, as plain values. Raises DataError where the folder holds another training."""
        plain = json.loads(json.dumps(about))
        earlier = plain if self.about is None else self.about
        differ = sorted(key for key in plain.keys() | earlier.keys() if plain.get(key) != earlier.get(key))
        if differ:
            key = differ[0]
            raise DataError(
                f"{self.folder} holds a training of another {', '.join(differ)} ({key}: {earlier.get(key)} there, "
                f"{plain.get(key)} now); give it another folder, or go on with what it began with"
            )
        self.about = plain

    def begin_stage(self, stage: str, *, step: int, steps: int, slices: int) -> None:
        """Begin a stage, of `steps` steps of `slices` slices, at a step; forget what was written past it."""
        self.stage, self.start, self.steps, self.slices = stage, step, steps, slices
        self.rows = [row for row in self.rows if row["stage"] != stage or row["step"] <= step]
        self._sums: dict[str, float] = {}
        self._count, self._step_s, self._all_s = 0, 0.0, 0.0
        self._mark_s = time.monotonic()

    def add_losses(self, losses: Mapping[str, float]) -> None:
        """Add the losses of a step to the row that is being summed."""
        now_s = time.monotonic()
        self._step_s, self._mark_s = self._step_s + now_s - self._mark_s, now_s
        self._count += 1
        for key, loss in losses.items():
            self._sums[key] = self._sums.get(key, 0.0) + loss

    def write_row(self, step: int, *, rate: float, miou: float | None) -> None:
        """Write the row of the steps since the last one, of which `step` was the last; and log it."""
        self.rows.append(
            {
                "stage": self.stage,
                "step": step,
                "losses": {key: _number(total / self._count) for key, total in self._sums.items()},
                "rate": rate,
                "miou": None if miou is None else _number(miou),
                "slices_per_s": round(self.slices * self._count / max(self._step_s, 1e-9), 1),
            }
        )
        self._all_s += self._step_s
        self.log(self._line(self.rows[-1]))
        self._sums, self._count, self._step_s = {}, 0, 0.0
        self._write()
        self._mark_s = time.monotonic()

    def plot(self) -> None:
        """Plot losses and mIoU so far into `training.png`."""
        from mrovseg.training.plot import plot_history  # noqa: PLC0415 - matplotlib is slow to import

        if self.rows:
            plot_history(self.folder / "training.png", self.rows)

    def _line(self, row: Mapping[str, Any]) -> str:
        pace_s = self._all_s / (row["step"] - self.start)
        left_min = pace_s * (self.steps - row["step"]) / 60
        losses = [f"{key} {_text(loss)}" for key, loss in row["losses"].items()]
        measured = [] if row["miou"] is None else [f"mIoU {row['miou']:.3f}"]
        speed = f"{pace_s:.2f} s a step, {left_min:.0f} min left"
        return "  ".join([f"{self.stage} {row['step']}/{self.steps}", *losses, *measured, speed])

    def _write(self) -> None:
        rows = ",\n".join(json.dumps(row, allow_nan=False) for row in self.rows)
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self._file.with_suffix(".part")
        part.write_text(f'{{"about": {json.dumps(self.about)},\n"rows": [\n{rows}\n]}}\n')
        part.replace(self._file)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _text(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.3f}"
