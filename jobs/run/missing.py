"""What of the scenes is known to be missing before anything starts: local files, and lists that are local."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from pipeline.errors import ConfigError
from pipeline.geometry.scene import Scene
from pipeline.sources import SceneList, Search
from pipeline.sources.naming import Refusal
from pipeline.storage import objects
from pipeline.storage.deadline import within
from pipeline.storage.objects.scene_uris import file_of

LOOKED_AT = 1000  # of the list's scenes: looking takes less than a second then
LOOK_S = 5.0
LISTED = 20


def say_missing(scenes: SceneList) -> None:
    """Say which of the first scenes are known to be missing, as far as that is known at once.

    Raises ConfigError when these are all.
    """
    specs = tuple(
        each for each in scenes.specs if not isinstance(each, Search) and not objects.is_remote(each)
    )
    if not specs:
        return
    try:
        found = within(
            LOOK_S, lambda: list(islice(replace(scenes, specs=specs), LOOKED_AT)), late=TimeoutError()
        )
    except TimeoutError:
        return  # a list of this machine may name documents of others
    reasons = [reason for each in found if (reason := _reason(each)) is not None]
    if found and len(reasons) == len(found) < LOOKED_AT and specs == scenes.specs:
        raise ConfigError(f"there is nothing to segment: {_joined(reasons)}")
    for reason in reasons[:LISTED]:
        print(f"mrovseg: {reason}; the other scenes are not touched by it", file=sys.stderr)
    if len(reasons) > LISTED:
        print(f"mrovseg: and {len(reasons) - LISTED} more of the first {len(found)}", file=sys.stderr)


def _reason(entry: Scene | Refusal) -> str | None:
    if isinstance(entry, Refusal):
        return entry.reason
    local = [file for file in map(file_of, entry.files) if not objects.is_remote(file)]
    missing = [file for file in local if not Path(objects.local_path(file)).exists()]
    return f"{', '.join(missing)} does not exist" if missing else None


def _joined(reasons: Sequence[str]) -> str:
    more = f"; and {len(reasons) - LISTED} more" if len(reasons) > LISTED else ""
    return "; ".join(reasons[:LISTED]) + more
