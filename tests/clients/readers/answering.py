"""How a client is asked: a function of its own is called for each store, in whatever environment the client lives."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Asked:
    """A store, places in longitude and latitude whose classes are wanted, and a web map's tile (z, x, y), if any."""

    store: str
    places: Sequence[tuple[float, float]] = ()
    tile: tuple[int, int, int] | None = None


Answer = dict[str, Any]
Read = Callable[[Asked], Answer]


def answers(read: Read, asked: Mapping[str, Asked]) -> dict[str, Answer]:
    """Return what a client tells of each store, or that and why it refuses."""
    return {kind: _answer(read, each) for kind, each in asked.items()}


def digest(array: Any) -> str:  # noqa: ANN401 - whatever kind of array a client has
    """Return the SHA-256 of an array's bytes, row by row."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def _answer(read: Read, asked: Asked) -> Answer:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read(asked)
    except Exception as error:  # noqa: BLE001 - whatever a client raises is its refusal
        return {"refused": f"{type(error).__name__}: {error}"}
