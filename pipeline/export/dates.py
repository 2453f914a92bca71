"""When a scene was taken, as a moment or two."""

from __future__ import annotations

from datetime import UTC, datetime


def moments(text: str | None) -> tuple[datetime, ...]:
    """Return the moments that a store's date names: one, first and last of a span, or none where it is no date.

    Where it says no zone it is taken to be of UTC.

    >>> [each.isoformat() for each in moments("2024-05-31T10:20:30/2024-06-01")], moments("last May"), moments(None)
    (['2024-05-31T10:20:30+00:00', '2024-06-01T00:00:00+00:00'], (), ())
    """
    try:
        found = [datetime.fromisoformat(each) for each in (text or "").split("/")]
    except ValueError:
        return ()
    return tuple(sorted(each.replace(tzinfo=each.tzinfo or UTC).astimezone(UTC) for each in found[:2]))
