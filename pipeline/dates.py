"""When scenes were taken: texts of ISO 8601, and patterns by which the names of files tell it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.errors import ConfigError

_DIGITS = {"Y": 4, "y": 2, "m": 2, "d": 2, "j": 3, "H": 2, "M": 2, "S": 2}
_EXPECTED = "such as S2_%Y%m%dT%H%M%S, of text and " + ", ".join(f"%{each}" for each in _DIGITS)
_YEARS = {"Y", "y"}
_NEEDS = {"d": {"m"}, "m": _YEARS, "j": _YEARS, "H": {"d", "j"}, "M": {"H"}, "S": {"M"}}
"""What makes no sense alone: of each of these, one of those has to be there too."""


@dataclass(frozen=True, slots=True)
class DatetimePattern:
    """Where in a name a date is written, in a part of the language of ``strptime``: digits of a fixed number.

    What it leaves out is the first of its kind: January, the 1st, 0 h.

    Raises:
        ConfigError: it is none, or tells no year.
    """

    text: str

    def __post_init__(self) -> None:
        found = re.findall(r"%(.?)", self.text.replace("%%", ""), re.DOTALL)
        unknown = [each for each in found if each not in _DIGITS]
        if unknown:
            raise ConfigError(f"datetime_pattern must be {_EXPECTED}, got %{unknown[0]} in {self.text!r}")
        lacking = next((each for each in found if not _NEEDS.get(each, {each}) & {*found}), None)
        if lacking is not None or not _YEARS & {*found}:
            why = (
                "no year"
                if lacking is None
                else f"%{lacking} without %{' or %'.join(sorted(_NEEDS[lacking]))}"
            )
            raise ConfigError(f"datetime_pattern must tell a date, {_EXPECTED}, got {why} in {self.text!r}")
        if len(found) > len({*found}) or {*found} >= _YEARS or {"j", "m"} <= {*found}:
            raise ConfigError(f"datetime_pattern must tell each part of a date once, got {self.text!r}")

    def found_in(self, name: str) -> str | None:
        """Return in ISO 8601 the first date that a name has anywhere, None where it has none.

        >>> pattern = DatetimePattern("S2_%Y%m%dT%H%M%S")
        >>> pattern.found_in("T32_S2_20240531T102030_R10.tif"), pattern.found_in("S2_20249931T102030.tif")
        ('2024-05-31T10:20:30', None)
        """
        parts = re.split(r"%(.)", self.text, flags=re.DOTALL)
        digits = [rf"[0-9]{{{_DIGITS[each]}}}" if each != "%" else "%" for each in parts[1::2]]
        texts = [re.escape(each) for each in parts[::2]]
        expression = texts[0] + "".join(f"{each}{text}" for each, text in zip(digits, texts[1:], strict=True))
        for found in re.finditer(f"(?=({expression}))", name):
            try:
                return datetime.strptime(found[1], self.text).isoformat()  # noqa: DTZ007 - names tell no zone
            except ValueError:
                continue
        return None


def span_of(text: str | None) -> tuple[datetime, datetime] | None:
    """Return the first and the last moment of a text that is a date, or two parted by a slash; None of any other.

    Without a zone it is taken to be of UTC.

    >>> [moment.isoformat() for moment in span_of("2024-05-31T10:20:30") or ()]
    ['2024-05-31T10:20:30+00:00', '2024-05-31T10:20:30+00:00']
    """
    if text is None:
        return None
    first, _, last = text.partition("/")
    try:
        return _moment(first), _moment(last or first)
    except ValueError:
        return None


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
