"""A busy cluster: what a run waits for is said within seconds, and seldom again."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import ray

from pipeline.flow.progress.events import Events
from pipeline.flow.watch.guard import Guard

_FIRST_S, _AGAIN_S = 4.0, 120.0
_EPSILON = 1e-6


@dataclass(slots=True)
class ActorStarts:
    """Watches the start of the actors: made before they are asked for, it knows whether there is room for them."""

    guard: Guard
    events: Events
    actors: int
    claims: Mapping[str, float | int]
    """What an actor claims, by Ray's names of resources."""
    _check_from_s: float = field(init=False)

    def __post_init__(self) -> None:
        free = _free()
        fit = min(
            math.floor(free.get(name, 0) / claim + _EPSILON) for name, claim in self.claims.items() if claim
        )
        self._check_from_s = time.monotonic() + _FIRST_S if fit < self.actors else math.inf

    def check(self) -> None:
        """Say what is waited for, if anything is."""
        now_s = time.monotonic()
        if now_s < self._check_from_s:
            return
        missing = self.actors - self.guard.starts()
        if missing <= 0:
            self._check_from_s = math.inf
            return
        self._check_from_s = now_s + _AGAIN_S
        free, there = _free(), _there()
        rooms = [
            f"{round(free.get(name, 0), 1):g} of {there.get(name, 0):g} {name}s"
            for name, claim in self.claims.items()
            if claim
        ]
        named = f"{missing} actor{'s' if missing > 1 else ''}"
        self.events.warn("waiting", f"waiting for {named}: {' and '.join(rooms)} free", actors=missing)


def _free() -> dict[str, float]:
    found: dict[str, float] = ray.available_resources()  # type: ignore[no-untyped-call]
    return found


def _there() -> dict[str, float]:
    found: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return found
