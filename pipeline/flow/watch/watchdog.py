"""The driver's watch over a run that is silent: it says what is in flight, ends what is stuck, and gives up in time."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import ray
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from pipeline.errors import PipelineError
from pipeline.flow.progress.events import Events
from pipeline.flow.ray_quirks import is_worker
from pipeline.flow.watch.guard import Guard
from pipeline.flow.watch.registry import TRIES, InFlight, Process

BEAT_S = 1.0
_GRACE_S = 30.0  # a process that is well ends itself at its limit, which may be shorter
_ANSWER_S, _UNANSWERED = 10.0, 6  # of the watch, and how often in a row it may be silent
_STARTING_S = 600.0  # Ray's own time to place and to start processes
_NAMED = 20  # of what is in flight


@dataclass(slots=True)
class Watchdog:
    """Watches a run: nothing of it hangs.

    When nothing has come out for ``stall_s`` it names what is in flight. A process that is long over its limit is
    stopped, or its node is: it is killed, and Ray begins its work elsewhere. A run that stays silent for longer than
    one window may take in all its tries is ended.
    """

    guard: Guard
    events: Events
    stall_s: float | int
    _last_record_s: float = field(default_factory=time.monotonic)
    _checked_s: float = field(default_factory=time.monotonic)
    _unanswered: int = 0

    @property
    def grace_s(self) -> float | int:
        """How long a process may be over its limit before it is killed."""
        return min(_GRACE_S, self.guard.limit_s)

    @property
    def patience_s(self) -> float | int:
        """How long a run may be silent."""
        return (TRIES + 1) * (self.guard.limit_s + self.grace_s) + self.stall_s + _STARTING_S

    def record_seen(self) -> None:
        """Note that something came out of the chain."""
        self._last_record_s = time.monotonic()

    def check(self) -> None:
        """Check the run, now and then.

        Raises:
            PipelineError: it has been silent for too long.
        """
        now_s = time.monotonic()
        if now_s - self._checked_s < min(self.stall_s, self.grace_s):
            return
        self._checked_s = now_s
        silent_s = now_s - self._last_record_s
        flying = self._in_flight()
        if silent_s >= self.stall_s:
            self._say(flying, silent_s=silent_s)
        for each in flying:
            if each.work.limited and each.age_s > self.guard.limit_s + self.grace_s:
                self._end(each)
        if silent_s > self.patience_s:
            named = "; ".join(str(each.work) for each in flying[:_NAMED]) or "nothing"
            raise PipelineError(
                f"nothing has come out of the run for {silent_s:.0f} s, and it was ended; in flight: {named}. What is "
                "done stays done, and the same command goes on: see Ray's logs for a node without room or contact"
            )

    def _in_flight(self) -> list[InFlight]:
        try:
            found: list[InFlight] = ray.get(self.guard.watch.in_flight.remote(), timeout=_ANSWER_S)
        except GetTimeoutError:
            self._unanswered += 1
            if self._unanswered % _UNANSWERED == 0:
                # Whoever begins something waits for it: a new one knows nothing of deaths, and all goes on.
                ray.kill(self.guard.watch, no_restart=False)
            return []
        except RayError:
            return []
        self._unanswered = 0
        return found

    def _say(self, flying: list[InFlight], *, silent_s: float) -> None:
        named = [f"{each.work} for {each.age_s:.0f} s" for each in flying[:_NAMED]]
        message = f"nothing has come out for {silent_s:.0f} s; in flight: {'; '.join(named) or 'nothing'}"
        self.events.warn("stalled", message, silent_s=round(silent_s), in_flight=named)

    def _end(self, stuck: InFlight) -> None:
        work = stuck.work
        self.events.warn(
            "process_ended",
            f"the process at {work} has not answered its time limit for {stuck.age_s:.0f} s and is killed",
            stage=work.stage,
            scene_id=work.scene_id,
            row_off=work.row_off,
            col_off=work.col_off,
        )
        _end_process(stuck.by)


def _end_process(process: Process) -> None:
    """Kill a worker where it is; nothing happens when its node is gone."""
    there = NodeAffinitySchedulingStrategy(process.node_id, soft=False)
    ray.remote(_kill).options(num_cpus=0, max_retries=0, scheduling_strategy=there).remote(process.pid)


def _kill(pid: int) -> None:
    """Kill a worker of Ray, which is told by its title: the number may be another's by now."""
    try:
        title = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return
    if is_worker(title):
        os.kill(pid, signal.SIGKILL)
