"""What fits on the cluster, decided before anything starts.

An actor pool that leaves no room for a single task would wait for ever, because nothing feeds it.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import ray

from pipeline.config import FlowSettings
from pipeline.errors import PipelineError, ResourceError
from pipeline.flow.private import make_session_private, make_token_private

_EPSILON = 1e-6  # Ray counts in ten-thousandths of a CPU, floats do not


@dataclass(frozen=True, slots=True)
class Node:
    """The CPUs and GPUs of a machine of the cluster."""

    cpus: float | int
    gpus: float | int


@dataclass(frozen=True, slots=True)
class Places:
    """How many actors and, beside them, how many reading tasks run at a time."""

    actors: int
    readers: int


@contextmanager
def cluster() -> Iterator[None]:
    """Be connected to a cluster: the one already joined, that of ``RAY_ADDRESS``, else one for this run.

    Raises:
        PipelineError: there is none to join, after Ray has looked for it for some minutes.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if ray.is_initialized():
        yield
        return
    with _own_sigterm():
        try:
            make_token_private()
            joined = ray.init(log_to_driver=False, logging_level=logging.WARNING)
            make_session_private(getattr(joined, "address_info", {}))
        except ConnectionError as error:
            address = os.environ.get("RAY_ADDRESS", "")
            raise PipelineError(
                f"cannot join the cluster of RAY_ADDRESS={address}: {error}. Start it, or unset RAY_ADDRESS to run on "
                "this machine alone; what is done stays done"
            ) from error
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keep the driver's handler of SIGTERM: Ray puts its own in its place, which ends a run without a word."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit:
        signal.signal(signal.SIGTERM, before)
        signal.raise_signal(signal.SIGTERM)  # Ray's took it while it started
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def nodes() -> list[Node]:
    """Return the living machines of the cluster."""
    found = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    return [Node(float(each.get("CPU", 0)), float(each.get("GPU", 0))) for each in found]


def places(machines: Sequence[Node], settings: FlowSettings) -> Places:
    """Decide how many actors and readers run: all actors that fit, or those asked for.

    Raises:
        ResourceError: the actors asked for, and one task, do not fit.
    """
    fitting = _fitting(machines, settings)
    actors = settings.actors or fitting
    if not 0 < actors <= fitting:
        raise ResourceError(_refusal(machines, settings, actors=max(1, actors), fitting=fitting))
    free = sum(machine.cpus for machine in machines) - actors * settings.actor_cpus
    return Places(actors, max(1, min(actors, _times(free, settings.task_cpus))))


def _fitting(machines: Sequence[Node], settings: FlowSettings) -> int:
    """Return the largest number of actors that leaves room for a task, wherever Ray puts them."""
    most = [_most(machine, settings) for machine in machines]
    if any(
        _times(machine.cpus - count * settings.actor_cpus, settings.task_cpus)
        for machine, count in zip(machines, most, strict=True)
    ):
        return sum(most)
    return max(0, sum(most) - math.ceil(settings.task_cpus / settings.actor_cpus))


def _most(machine: Node, settings: FlowSettings) -> int:
    """Return how many actors one machine can hold: at most one per CPU, or per GPU where they claim some."""
    by_cpu = _times(machine.cpus, settings.actor_cpus)
    if not settings.actor_gpus:
        return min(by_cpu, max(1, int(machine.cpus)) if by_cpu else 0)
    return min(by_cpu, _times(machine.gpus, settings.actor_gpus), int(machine.gpus))


def _times(room: float | int, claim: float | int) -> int:
    return max(0, math.floor(room / claim + _EPSILON))


def _refusal(machines: Sequence[Node], settings: FlowSettings, *, actors: int, fitting: int) -> str:
    cpus, gpus = sum(each.cpus for each in machines), sum(each.gpus for each in machines)
    asked = f"{actors} actor{'s' if actors > 1 else ''} of {settings.actor_cpus:g} CPUs"
    asked += f" and {settings.actor_gpus:g} GPUs" if settings.actor_gpus else ""
    remedy = f"ask for at most {fitting} actors" if fitting else "ask for less of actor_cpus or actor_gpus"
    return (
        f"{asked} and a reading task of {settings.task_cpus:g} CPUs do not fit the cluster, which has "
        f"{cpus:g} CPUs and {gpus:g} GPUs on {len(machines)} machine{'s' if len(machines) != 1 else ''}: "
        f"{remedy}, or give it more machines"
    )
