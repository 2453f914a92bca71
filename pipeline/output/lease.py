"""Who works on an output: one object that a run renews, so that a second run knows of it and refuses.

Whether a lease is alive is judged by watching it for a while, never by comparing the clocks of two machines: what
has not changed during ``SILENT_S`` of the looker's own monotonic clock is dead. A process that is gone from this very
machine need not be waited for. Two runs that slip through all the same end in the same bytes: the lease saves work,
and does not guard the output.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.errors import LeaseLostError, OutputError, PipelineError, ResumeError
from pipeline.output import Output
from pipeline.storage import objects
from pipeline.storage.documents import json_of
from pipeline.storage.location import Location

RENEWED_EVERY_S = 5.0
SILENT_S = 30.0
_POLL_S = 0.5
_SETTLED_S = 2.0  # between taking a dead lease and being sure that nobody else took it


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A run that works on an output.

    ``machine`` tells two machines, or containers, apart that have one name; ``started`` a process from a later one of
    the same number. ``renewed`` counts up. ``progress`` has the run's own figures.
    """

    run_id: str
    host: str
    machine: str
    pid: int
    started: str
    began: str
    renewed: int = 0
    progress: Mapping[str, int] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the object's content."""
        return json.dumps(asdict(self), sort_keys=True, indent=1).encode() + b"\n"

    @property
    def is_gone(self) -> bool:
        """Tell whether the process was of this machine and is no more."""
        return self.machine == _machine() != "" and _started(self.pid) != self.started

    def __str__(self) -> str:
        """Name the run for a message."""
        return f"run {self.run_id} on {self.host} (process {self.pid}, since {self.began})"


class HeldLease:
    """A lease that this run holds: ``note`` its progress, and learn whether it is still held."""

    def __init__(self, output: Output, lease: Lease) -> None:
        self.lease = lease
        self._output = output
        self._progress: Mapping[str, int] = {}
        self._lost: LeaseLostError | OutputError | None = None
        self._over = threading.Event()

    def note(self, progress: Mapping[str, int]) -> None:
        """Take figures to tell others at the next renewal.

        Raises:
            LeaseLostError: another run has taken the output over.
            OutputError: the output was removed.
        """
        self._progress = progress
        if self._lost is not None:
            raise self._lost

    def check(self) -> None:
        """Check now that the output is still there and this run's, before something of the whole output is written.

        Raises:
            LeaseLostError: another run has taken the output over.
            OutputError: the output was removed.
            PipelineError: the storage refused.
        """
        if self._lost is None:
            self._is_own()
        self.note(self._progress)

    def renew(self) -> None:
        """Renew until the lease is released or lost; a storage that refuses is asked again the next time."""
        while not self._over.wait(RENEWED_EVERY_S):
            with contextlib.suppress(PipelineError):
                if not self._is_own():
                    return
                self.lease = _renewed(self.lease, self._progress)
                objects.put_bytes(self._output.lease, self.lease.to_bytes())

    def stop(self) -> None:
        """Have ``renew`` return."""
        self._over.set()

    def release(self) -> None:
        """Remove the lease if it is still this run's; nobody may renew it any more."""
        with contextlib.suppress(PipelineError):  # a lease that stays is found dead by the next run
            if self._lost is None and self._is_own():
                objects.remove(self._output.lease)

    def _is_own(self) -> bool:
        found = _read(self._output.lease)
        if found is not None and found[1] is not None and found[1].run_id != self.lease.run_id:
            self._lost = LeaseLostError(
                f"{self._output.lease} was taken over by {found[1]}, which found it silent for {SILENT_S:.0f} s; this "
                "run stops. What is done stays done, and the other goes on with the rest"
            )
        elif found is None and not objects.exists(self._output.run):
            # Writing anything there again would make a part of an output that no run could go on with.
            self._lost = OutputError(
                f"{self._output} was removed while this run was at it: neither {self._output.lease.name} nor "
                f"{self._output.run.name} is there any more. The run stops; the same command begins anew"
            )
        return self._lost is None  # where the lease alone is gone it is written again


@contextlib.contextmanager
def hold(output: Output) -> Iterator[HeldLease]:
    """Hold the lease of ``output`` while entered, renewed by a thread; release it however the body ends.

    Raises:
        ResumeError: another run holds it; the message names it.
        PipelineError: the storage refused.
    """
    mine = HeldLease(output, _take(output))
    renewer = threading.Thread(target=mine.renew, name="lease", daemon=True)
    renewer.start()
    try:
        yield mine
    finally:
        mine.stop()
        renewer.join(RENEWED_EVERY_S)  # no longer: a storage that stalls may not keep a run from ending
        mine.release()


def observe(output: Output) -> tuple[Lease, bool] | None:
    """Return the lease that is in ``output`` and whether its run is alive; None where there is none.

    It is watched until it is renewed, for at most twice the time that a renewal takes; of a process of this machine
    it is known at once.

    Raises:
        PipelineError: the storage refused.
    """
    first = holder(output)
    began_s = time.monotonic()
    while first is not None and time.monotonic() - began_s < 2 * RENEWED_EVERY_S:
        if first.machine == _machine() != "":
            return first, not first.is_gone
        time.sleep(_POLL_S)
        now = holder(output)
        if now != first:
            return None if now is None else (now, True)
    return None if first is None else (first, False)


def holder(output: Output) -> Lease | None:
    """Return the lease that is in ``output``, alive or not; None where there is none that can be read.

    Raises:
        PipelineError: the storage refused.
    """
    found = _read(output.lease)
    return None if found is None else found[1]


def _take(output: Output) -> Lease:
    """Take the lease where there is none, or a dead one."""
    location = output.lease
    mine = _own()
    while not objects.create_bytes(location, mine.to_bytes()):
        found = _read(location)
        if found is None:
            continue  # released meanwhile
        if found[1] is not None and found[1].run_id == mine.run_id:
            return mine  # the first answer of the storage was lost
        _wait_for_its_death(output, found)
        objects.put_bytes(location, mine.to_bytes())
        time.sleep(_SETTLED_S)
        after = _read(location)
        if after is not None and after[0] == mine.to_bytes():
            return mine
        _refuse(output, None if after is None else after[1])
    return mine


def _wait_for_its_death(output: Output, first: tuple[bytes, Lease | None]) -> None:
    """Watch a lease until it is silent for long enough; refuse as soon as it changes."""
    began_s = time.monotonic()
    while time.monotonic() - began_s < SILENT_S:
        now = _read(output.lease)
        if now is None or (now[1] is not None and now[1].is_gone):
            return
        if now[0] != first[0]:
            _refuse(output, now[1])
        time.sleep(_POLL_S)


def _refuse(output: Output, other: Lease | None) -> None:
    raise ResumeError(
        f"{output} is being worked on by {other or 'another run'}. Wait for its end, or stop it: "
        f"{SILENT_S:.0f} s after its last sign of life the same command goes on"
    )


def _read(location: Location) -> tuple[bytes, Lease | None] | None:
    """Return the lease as bytes and as a value, None for what is being written or damaged."""
    try:
        content = objects.get_document(location)
    except FileNotFoundError:
        return None
    try:
        return content, Lease(**json_of(content))
    except (ValueError, TypeError):
        return content, None


def _own() -> Lease:
    now = datetime.now(UTC)
    return Lease(
        run_id=f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}",
        host=socket.gethostname(),
        machine=_machine(),
        pid=os.getpid(),
        started=_started(os.getpid()),
        began=now.isoformat(timespec="seconds"),
    )


def _renewed(lease: Lease, progress: Mapping[str, int]) -> Lease:
    values: dict[str, Any] = asdict(lease) | {"renewed": lease.renewed + 1, "progress": dict(progress)}
    return Lease(**values)


def _machine() -> str:
    """Return what tells this machine, since its start, and this container from all others; empty if nothing does."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Return when a process of this machine began, in the kernel's ticks; empty where there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    after_name = stat.rpartition(")")[2].split()  # the 22nd field; the name may hold anything
    return "" if after_name[0] in {"Z", "X"} else after_name[19]
