"""The scenes of an output exported one after the other, and what is said of it."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from jobs.run.exit_codes import ExitCode
from jobs.run.outputs.chosen_scenes import chosen_ids
from jobs.run.settings.scenes import SceneChoice
from pipeline.errors import ConfigError
from pipeline.export import Exported, Exporter, NotExported, Selection, begin, export_scene, finish
from pipeline.output import Output, failures
from pipeline.storage.location import Location

LISTED_SCENES = 20
TOLD_EVERY_S = 5.0


def export_all(
    output: Output, *, exporter: Exporter, folder: Location, selection: Selection, scenes: SceneChoice | None
) -> int:
    """Export the chosen scenes, each for itself, then what they are together; returns the exit code."""
    begin(folder, output)
    chosen = chosen_ids(output, scenes)
    scene_ids = [each for each in failures.begun_scenes(output) if chosen is None or each in chosen]
    if not scene_ids:
        raise ConfigError(f"{output} has no scenes yet: give the command that makes it again")
    make = partial(export_scene, output=output, selection=selection, exporter=exporter, folder=folder)
    return make_each(make, scene_ids, exporter=exporter, folder=folder)


def make_each(
    make: Callable[[str], Exported | NotExported],
    scene_ids: Sequence[str],
    *,
    exporter: Exporter,
    folder: Location,
) -> int:
    """Make each scene, then by ``exporter`` what they are together, and say so; returns the exit code."""
    made = list(_told(_made(make, scene_ids), of=len(scene_ids)))
    exported = [each for each in made if isinstance(each, Exported)]
    together = finish(exporter, exported, folder) if exported else ()
    failed = [each for each in made if isinstance(each, NotExported)]
    return _say(exported, failed, folder, files=len(together) + sum(len(each.files) for each in exported))


def _made(
    make: Callable[[str], Exported | NotExported], scene_ids: Sequence[str]
) -> Iterator[Exported | NotExported]:
    if len(scene_ids) == 1:  # a cluster would take longer to start
        yield make(scene_ids[0])
        return
    from pipeline import flow

    with flow.cluster():
        yield from flow.map_scenes(make, scene_ids)


def _told(made: Iterator[Exported | NotExported], *, of: int) -> Iterator[Exported | NotExported]:
    """Pass on what is made, and say every few seconds how much it is."""
    said_s = time.monotonic()
    for number, each in enumerate(made, 1):
        if time.monotonic() - said_s >= TOLD_EVERY_S:
            said_s = time.monotonic()
            print(f"exported: {number:,} of {of:,} scenes", file=sys.stderr)
        yield each


def _say(exported: Sequence[Exported], failed: Sequence[NotExported], folder: Location, *, files: int) -> int:
    print(
        f"{files:,} file{'s' * (files != 1)} of {len(exported):,} scene{'s' * (len(exported) != 1)}: {folder}"
    )
    unfinished = [each for each in exported if each.windows_missing != 0]
    lines = [f"{each.scene_id}: nothing was made of it: {each.reason}" for each in failed]
    lines += [
        f"{each.scene_id}: {missing_windows(each.windows_done, each.windows_missing)}" for each in unfinished
    ]
    say_lines(lines, folder)
    return ExitCode.DONE_WITH_FAILURES if lines else ExitCode.DONE


def say_lines(lines: Sequence[str], folder: Location) -> None:
    """Print the first of some lines about scenes, and how many more there are."""
    for line in lines[:LISTED_SCENES]:
        print(f"mrovseg: {line}", file=sys.stderr)
    if len(lines) > LISTED_SCENES:
        print(
            f"mrovseg: and {len(lines) - LISTED_SCENES:,} more scenes, see {folder}/records", file=sys.stderr
        )


def missing_windows(done: int, missing: int | None) -> str:
    """Say what a scene lacks."""
    if missing is None:
        return f"{done:,} windows are done, and nobody knows of how many; what is missing is no data"
    return f"{missing:,} of {done + missing:,} windows are not done, and are no data"
