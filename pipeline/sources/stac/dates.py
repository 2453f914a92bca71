"""When the scene of a STAC item was taken."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def datetime_of(item: Mapping[str, Any]) -> str | None:
    """Return an item's ``datetime``, or where that is null its first and last, parted by a slash.

    None where it states none, or what is no date: a scene is not refused for it.

    >>> datetime_of({"properties": {"datetime": "2024-05-31T10:20:30Z"}}), datetime_of({"properties": {"datetime": 5}})
    ('2024-05-31T10:20:30Z', None)
    """
    properties = item.get("properties")
    if not isinstance(properties, dict):
        return None
    if _is_date(properties.get("datetime")):
        return str(properties["datetime"])
    span = [properties.get(name) for name in ("start_datetime", "end_datetime")]
    return "/".join(map(str, span)) if all(map(_is_date, span)) else None


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False
