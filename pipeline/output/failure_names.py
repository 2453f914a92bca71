"""The names of the objects that say what failed of a scene: what they are made of, and what is read from them.

That of a window is named as its entry in the ledger.
"""

from __future__ import annotations

import hashlib
import re

from pipeline.output.entries import offsets_of

_OF_PLAN = re.compile(r"scene(?:-([1-9]\d*))?\.json")
_OF_LIST = re.compile(r"refused-[0-9a-f]{16}\.json")


def plan_note_name(part: int) -> str:
    """Return the name of what says that this part of a scene could not be planned."""
    return f"scene-{part}.json" if part else "scene.json"


def refusal_note_name(reason: str) -> str:
    """Return the name of what says that no scene can be made of a list's entry, and for what reason."""
    return f"refused-{hashlib.sha256(reason.encode()).hexdigest()[:16]}.json"


def part_of(name: str) -> int | None:
    """Return of which part of a scene's plan the failure of this name is; None where it is of none."""
    found = _OF_PLAN.fullmatch(name)
    return None if found is None else int(found[1] or 0)


def is_note(name: str) -> bool:
    """Tell whether an object of this name, in a scene's folder, is that of a failure."""
    return bool(offsets_of(name) or _OF_PLAN.fullmatch(name) or _OF_LIST.fullmatch(name))
