"""What fits on the cluster, decided before anything starts.

An actor pool that leaves no room for a single task would wait for ever, because nothing feeds it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import ray

from pipeline.config import FlowSettings
from pipeline.errors import ResourceError
from pipeline.geometry.chips import ChipLayout
from pipeline.store import Contents, map_bytes

_EPSILON = 1e-6  # Ray counts in ten-thousandths of a CPU, floats do not
_READ_BYTES = 4  # a pixel that was read: red, green, blue, valid
_LABELLED_BYTES = 4  # a pixel that was segmented: mask, of two bytes at most, score and margin
_COPIES = (
    5  # of a window in one process: as it came, as it is blended, and its proposals and labels on their way
)


@dataclass(frozen=True, slots=True)
class Node:
    """The CPUs and GPUs of a machine of the cluster, and what Ray gives away of its memory."""

    cpus: float | int
    gpus: float | int
    memory_bytes: float | int = math.inf
    store_bytes: float | int = math.inf


@dataclass(frozen=True, slots=True)
class WorkerCounts:
    """How many actors and, beside them, how many reading tasks run at a time; what GPUs each actor has."""

    actors: int
    readers: int
    actor_gpus: float | int = 0


def nodes() -> list[Node]:
    """Return the living machines of the cluster."""
    found = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    keys = ("CPU", "GPU", "memory", "object_store_memory")
    return [Node(*(float(each.get(key, 0)) for key in keys)) for each in found]


def window_bytes(settings: FlowSettings, layout: ChipLayout, contents: Contents) -> int:
    """Return the most that a window takes on its way: as it was read, with its surroundings, or as it was segmented."""
    around_px = 2 * (layout.side_px + layout.cell_px)
    read = _READ_BYTES * (settings.window_px + around_px) ** 2
    return max(read, labelled_bytes(settings, contents))


def labelled_bytes(settings: FlowSettings, contents: Contents) -> int:
    """Return the most that a window takes when it is labelled: its labels, and the maps of its chunks."""
    maps = map_bytes(contents, chunk_px=settings.chunk_px) * (settings.window_px // settings.chunk_px) ** 2
    return _LABELLED_BYTES * settings.window_px**2 + maps


def count_workers_here(
    settings: FlowSettings, layout: ChipLayout, contents: Contents, weights: Mapping[str, np.ndarray]
) -> WorkerCounts:
    """Decide as ``count_workers`` what runs on the cluster that is joined."""
    return count_workers(
        nodes(),
        settings,
        window_bytes=window_bytes(settings, layout, contents),
        weights_bytes=sum(array.nbytes for array in weights.values()),
    )


def count_workers(
    machines: Sequence[Node], settings: FlowSettings, *, window_bytes: int = 0, weights_bytes: int = 0
) -> WorkerCounts:
    """Decide how many actors and readers run: all actors that fit, or those asked for.

    Where the settings leave it open an actor has one GPU if any machine has one, else none. ``window_bytes`` are those
    of a window with its surroundings, ``weights_bytes`` those of the network.

    Raises:
        ResourceError: the actors asked for, and one task, do not fit; or no machine has the memory for one window.
    """
    settings = replace(settings, actor_gpus=_gpus(machines, settings))
    fitting = _fitting(machines, settings)
    actors = settings.actors or fitting
    if not 0 < actors <= fitting:
        raise ResourceError(_refusal(machines, settings, actors=max(1, actors), fitting=fitting))
    holding = [machine for machine in machines if _most_actors(machine, settings)]
    _check_memory(holding, settings, window_bytes=window_bytes, weights_bytes=weights_bytes)
    free = sum(machine.cpus for machine in machines) - actors * settings.actor_cpus
    return WorkerCounts(
        actors, max(1, min(actors, _times(free, settings.task_cpus))), settings.actor_gpus or 0
    )


def _gpus(machines: Sequence[Node], settings: FlowSettings) -> float | int:
    if settings.actor_gpus is not None:
        return settings.actor_gpus
    return 1 if any(_most_actors(machine, replace(settings, actor_gpus=1)) for machine in machines) else 0


def _check_memory(
    machines: Sequence[Node], settings: FlowSettings, *, window_bytes: int, weights_bytes: int
) -> None:
    """Refuse a window that no machine could hold: Ray would wait for ever, or kill what reads it."""
    memory = max(machine.memory_bytes for machine in machines)
    store = max(machine.store_bytes for machine in machines)
    if _COPIES * window_bytes <= memory and window_bytes + weights_bytes <= store:
        return
    raise ResourceError(
        f"a window of {settings.window_px} px with its surroundings takes {_gb(_COPIES * window_bytes)} of a process's "
        f"memory, and with the network {_gb(window_bytes + weights_bytes)} of Ray's object store; no machine has more "
        f"than {_gb(memory)} and {_gb(store)} for them: give a smaller --window-px, or machines with more memory"
    )


def _gb(number: float | int) -> str:
    return f"{number / 1e9:.2f} GB"


def _fitting(machines: Sequence[Node], settings: FlowSettings) -> int:
    """Return the largest number of actors that leaves room for a task, wherever Ray puts them."""
    most = [_most_actors(machine, settings) for machine in machines]
    if any(
        _times(machine.cpus - count * settings.actor_cpus, settings.task_cpus)
        for machine, count in zip(machines, most, strict=True)
    ):
        return sum(most)
    return max(0, sum(most) - math.ceil(settings.task_cpus / settings.actor_cpus))


def _most_actors(machine: Node, settings: FlowSettings) -> int:
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
    remedy = f"ask for at most {fitting} actors" if fitting else "ask for less of actor_cpus or gpus"
    remedy += ", for --gpus none" if settings.actor_gpus else ""
    return (
        f"{asked} and a reading task of {settings.task_cpus:g} CPUs do not fit the cluster, which has "
        f"{cpus:g} CPUs and {gpus:g} GPUs on {len(machines)} machine{'s' if len(machines) != 1 else ''}: "
        f"{remedy}, or give it more machines"
    )
