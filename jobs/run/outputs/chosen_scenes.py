"""Which of an output's scenes are meant."""

import sys
from collections.abc import Iterator

from jobs.run.settings.scenes import SceneChoice
from pipeline.errors import ConfigError
from pipeline.output import Output, failures
from pipeline.sources import SceneList
from pipeline.sources.naming import Refusal

LISTED = 5


def scene_list(choice: SceneChoice | None) -> SceneList | None:
    """Return what of the choice are no ids, None where that is nothing."""
    return SceneList(choice.specs) if choice is not None and choice.specs else None


def chosen_ids(output: Output, choice: SceneChoice | None) -> frozenset[str] | None:
    """Return the ids of the scenes that are meant, None for all; say which of them are not in the output.

    Raises ConfigError where none of them is.
    """
    if choice is None:
        return None
    named = {*choice.scene_ids, *_ids(scene_list(choice))}
    there = named & set(failures.begun_scenes(output))
    missing = sorted(named - there)
    if not missing:
        return frozenset(there)
    shown = ", ".join(missing[:LISTED]) + (" ..." if len(missing) > LISTED else "")
    if not there:
        raise ConfigError(f"{output} has none of the scenes that are named ({shown}): see its scenes/")
    print(
        f"mrovseg: {output} lacks {len(missing)} of {len(named)} scenes that are named: {shown}",
        file=sys.stderr,
    )
    return frozenset(there)


def _ids(scenes: SceneList | None) -> Iterator[str]:
    if scenes is None:
        return
    scenes.check()
    for entry in scenes:
        if isinstance(entry, Refusal):
            print(f"mrovseg: {entry.reason}; the other scenes are not touched by it", file=sys.stderr)
        else:
            yield entry.scene_id
