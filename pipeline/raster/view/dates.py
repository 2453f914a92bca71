"""When a scene was taken, as its file says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

_TAGS = ("EXIF_DateTimeOriginal", "TIFFTAG_DATETIME", "EXIF_DateTime")
"""Best first; those of TIFF and EXIF state no zone, but for EXIF's own tag of it, which hardly anybody writes."""


def stated_datetime(tags: Mapping[str, str]) -> str | None:
    """Return what a file's tags say in ISO 8601, None where they say nothing that is a date.

    >>> stated_datetime({"TIFFTAG_DATETIME": "2024:05:31 10:20:30"}), stated_datetime({"TIFFTAG_DATETIME": "0000"})
    ('2024-05-31T10:20:30', None)
    """
    for name in _TAGS:
        date, _, time = tags.get(name, "").strip("\0 ").partition(" ")
        try:
            return datetime.fromisoformat(f"{date.replace(':', '-')} {time}".strip()).isoformat()
        except ValueError:
            continue
    return None
