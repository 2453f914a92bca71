"""Settings of the flow: plain frozen values, checked once at the edge."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pipeline.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSettings:
    """How a run is cut up and what it may claim of the cluster.

    ``window_px`` is the side of a window and ``chunk_px`` that of a chunk of the mask store; a window
    holds whole chunks, so that two windows never write the same one. ``actors`` is the number of
    segmenting actors (None: all that fit). An actor claims ``actor_cpus`` and ``actor_gpus``, a read
    or write ``task_cpus``; reading and writing cost about half a percent of a network's time, so an
    actor leaves them a tenth of its core.

    Raises:
        ConfigError: a value is out of range; the message names the key.
    """

    window_px: int = 2048
    chunk_px: int = 1024
    actors: int | None = None
    actor_cpus: float | int = 0.9
    task_cpus: float | int = 0.1
    actor_gpus: float | int = 0.0

    def __post_init__(self) -> None:
        for key in ("window_px", "chunk_px"):
            _check_count(key, getattr(self, key))
        if self.actors is not None:
            _check_count("actors", self.actors)
        for key in ("actor_cpus", "task_cpus", "actor_gpus"):
            _check_share(key, getattr(self, key), zero=key == "actor_gpus")
        if self.window_px % self.chunk_px:
            raise ConfigError(
                f"window_px must be a multiple of chunk_px ({self.chunk_px}), got {self.window_px}: "
                f"try {max(1, round(self.window_px / self.chunk_px)) * self.chunk_px}"
            )


def _check_count(key: str, value: object) -> None:
    if type(value) is not int or value <= 0:
        raise ConfigError(f"{key} must be a whole number above zero, got {value!r}")


def _check_share(key: str, value: object, *, zero: bool) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or value < 0 or (value == 0 and not zero):  # type: ignore[operator]  # a number, by the test before
        raise ConfigError(f"{key} must be a number {'of at least' if zero else 'above'} zero, got {value!r}")
