"""Fields of documents that anybody may have written: of the type that they should have, absent, or refused."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any


def text_of(record: Mapping[str, Any], key: str) -> str | None:
    """Return a text, None where there is none or null.

    Raises:
        ValueError: it is something else.
    """
    found = record.get(key)
    if found is not None and not isinstance(found, str):
        raise _other(key, "a text", found)
    return found


def list_of(record: Mapping[str, Any], key: str) -> Sequence[Any]:
    """Return a list, an empty one where there is none or null.

    Raises:
        ValueError: it is something else.
    """
    found = record.get(key)
    if found is not None and not isinstance(found, list):
        raise _other(key, "a list", found)
    return found or []


def texts_of(record: Mapping[str, Any], key: str) -> frozenset[str]:
    """Return a list of texts, an empty one where there is none or null.

    Raises:
        ValueError: it is something else.
    """
    found = list_of(record, key)
    if not all(isinstance(each, str) for each in found):
        raise _other(key, "a list of texts", found)
    return frozenset(found)


def dict_of(record: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return an object, an empty one where there is none or null.

    Raises:
        ValueError: it is something else.
    """
    found = record.get(key)
    if found is not None and not isinstance(found, dict):
        raise _other(key, "an object", found)
    return found or {}


def number_of(record: Mapping[str, Any], key: str) -> float | None:
    """Return a finite number above zero, None where there is none or null.

    Raises:
        ValueError: it is something else.
    """
    found = record.get(key)
    if found is None:
        return None
    try:
        number = math.nan if isinstance(found, bool | str) else float(found)
    except (TypeError, OverflowError):
        number = math.nan
    if not 0 < number < math.inf:
        raise _other(key, "a number above zero", found)
    return number


def _other(key: str, expected: str, found: object) -> ValueError:
    return ValueError(f"{key} must be {expected}, got {str(found)[:80]!r}")
