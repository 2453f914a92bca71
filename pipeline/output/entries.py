"""The names of a ledger's objects: what they say, and what is read from them."""

from __future__ import annotations

import re
from typing import NamedTuple

_NAME = re.compile(r"(\d+)-(\d+)\.json")
_PLAN = re.compile(r"plan-(\d+)-([0-9a-f]{32})\.json")


class Plan(NamedTuple):
    """How many windows a scene has in all, and the digest of what is noted of its files."""

    windows: int
    inputs_digest: str

    @property
    def name(self) -> str:
        """The name of the object that says so."""
        return f"plan-{self.windows}-{self.inputs_digest}.json"


def plan_of(name: str) -> Plan | None:
    """Return what the name of an object says of its scene's plan; None where it is another's."""
    found = _PLAN.fullmatch(name)
    return None if found is None else Plan(int(found[1]), found[2])


def offsets_of(name: str) -> tuple[int, int] | None:
    """Return ``(row_off, col_off)`` of the window whose entry has this name; None where it is no entry's."""
    found = _NAME.fullmatch(name)
    return (
        None
        if found is None or name != entry_name(int(found[1]), int(found[2]))
        else (int(found[1]), int(found[2]))
    )


def entry_name(row_off: int, col_off: int) -> str:
    """Return the name of a window's entry."""
    return f"{row_off}-{col_off}.json"
