"""JSON that anybody may have written, of no more values and levels than anybody has a use for."""

from __future__ import annotations

import json
from typing import Any

MOST_LEVELS = 64
"""How deep lists and objects may be in each other: those of STAC and GeoJSON are ten."""

_MOST_VALUES = 8_000_000  # of 100 bytes each, once parsed


def json_of(data: bytes | str) -> Any:  # noqa: ANN401 - what JSON holds
    """Return what JSON holds, of bounded size and depth.

    >>> json_of(b'{"a": [1, 2]}')
    {'a': [1, 2]}

    Raises:
        ValueError: it is no JSON, or has too many values or levels.
    """
    signs: tuple[Any, ...] = (",", "[", "{") if isinstance(data, str) else (b",", b"[", b"{")
    if sum(map(data.count, signs)) > _MOST_VALUES:
        raise ValueError(f"it has more than {_MOST_VALUES:,} values")
    try:
        found = json.loads(data)
    except RecursionError:
        raise ValueError(f"it has more than {MOST_LEVELS} levels") from None
    _check_levels(found)
    return found


def _check_levels(found: object) -> None:
    level, depth = [found], 0
    while level := [each for each in level if isinstance(each, list | dict)]:
        depth += 1
        if depth > MOST_LEVELS:
            raise ValueError(f"it has more than {MOST_LEVELS} levels")
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, list | dict)
        ]
