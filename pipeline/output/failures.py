"""What failed: one small object each at OUT/failures/SCENE_ID/, written by the process that finds it, when it does.

ROW_OFF-COL_OFF.json is a window's; scene.json that of a scene that could not be planned, scene-PART.json where several
tasks plan a part each; refused-DIGEST.json says what a list names and no scene can be made of. So each has one writer,
and writing one twice changes nothing that matters.

A failure stands until it is overridden:

- the ledger wins: a window that is done has not failed, whichever object is the newer one;
- who plans a scene, or a part of it, removes what said that it could not be, and what is done, see ``clear``;
- a run that came to its end has tried all that is asked for: it removes what runs before it left, see ``remove``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import NamedTuple

from pipeline.output import (
    Output,
    SceneOutput,
    entry_name,
    is_note,
    ledger,
    offsets_of,
    part_of,
    plan_note_name,
    refusal_note_name,
)
from pipeline.output.failure import DAMAGED, REFUSED, Failure, parsed, to_bytes
from pipeline.storage import objects
from pipeline.storage.location import Location

_READERS = 16  # a read is one round trip to the storage and almost no work
_READ_AHEAD = 256


class Noted(NamedTuple):
    """A failure that is noted: whose, and the name of its object."""

    scene_id: str
    name: str

    def location(self, output: Output) -> Location:
        """Return where its object is."""
        return output.scene(self.scene_id).failure_note(self.name)

    @property
    def offsets(self) -> tuple[int, int] | None:
        """``(row_off, col_off)`` of its window, None of a whole scene."""
        return offsets_of(self.name)


def note(output: Output, failure: Failure, *, part: int = 0) -> None:
    """Note a failure, of ``part`` of the plan of a scene where it is of one. Doing it twice changes nothing.

    Raises:
        OutputError: the storage refused.
    """
    scene = output.scene(failure.scene_id)
    objects.put_bytes(scene.failure_note(_name(failure, part)), to_bytes(failure))


def clear(scene: SceneOutput, *, done: Collection[tuple[int, int]], part: int = 0, parts: int = 1) -> None:
    """Remove what no longer stands of a scene of which ``part`` is planned, by one listing: see above.

    Of ``parts`` tasks each has parts of the plan of its own to remove, however many there were before.

    Raises:
        PipelineError: the storage refused.
    """
    below = scene.output.location
    objects.sweep(scene.failure_notes, below=below)
    for name in objects.list_names(scene.failure_notes):
        number = part_of(name)
        if offsets_of(name) in done or (number is not None and number % parts == part):
            objects.remove(scene.failure_note(name), below=below)


def remove(output: Output, noted: Iterable[Noted]) -> None:
    """Remove the objects of failures, and the folders that this leaves empty.

    Raises:
        PipelineError: the storage refused, or they are behind a link.
    """
    paths = {output.path_of(each.location(output)) for each in noted}
    if paths:
        folder = output.path_of(output.failure_notes)
        deque(objects.remove_made(output.location, folder, paths.__contains__), maxlen=0)  # all else stays


def listed(output: Output) -> dict[str, list[Noted]]:
    """Return all failures that are noted, overridden or not, by scene, from one listing of names.

    Raises:
        PipelineError: the storage refused.
    """
    found: dict[str, list[Noted]] = {}
    for each in objects.list_all(output.failure_notes):
        scene_id, _, name = each.path.partition("/")
        if scene_id and is_note(name):
            found.setdefault(scene_id, []).append(Noted(scene_id, name))
    return found


def begun_scenes(output: Output) -> list[str]:
    """Return the ids of the scenes of which something is done or has failed, sorted.

    Raises:
        PipelineError: the storage refused.
    """
    return sorted({*output.scene_ids(), *objects.list_folders(output.failure_notes)})


def standing(output: Output, found: Mapping[str, Sequence[Noted]]) -> list[Noted]:
    """Return which of the failures that were ``listed`` stand, by scene id.

    Of a scene those of all of it are first, then those of windows in row-major order: it is the same from whatever
    order of names. The ledger is asked about scenes with windows that failed.

    Raises:
        PipelineError: the storage refused.
    """
    scenes = (found[scene_id] for scene_id in sorted(found))
    kept: list[Noted] = []
    with ThreadPoolExecutor(_READERS) as readers:
        while some := list(islice(scenes, _READ_AHEAD)):
            for of_scene in readers.map(partial(_not_done, output), some):
                kept += of_scene
    return kept


def read(output: Output, noted: Iterable[Noted]) -> Iterator[tuple[Noted, Failure]]:
    """Yield failures in the order of ``noted``, without those that are gone meanwhile.

    Of an object that cannot be understood its name tells what failed.

    Raises:
        PipelineError: the storage refused.
    """
    every = iter(noted)
    with ThreadPoolExecutor(_READERS) as readers:
        while some := list(islice(every, _READ_AHEAD)):
            for each, failure in zip(some, readers.map(partial(_read, output), some), strict=True):
                if failure is not None:
                    yield each, failure


def _not_done(output: Output, noted: Sequence[Noted]) -> list[Noted]:
    """Return what of a scene's failures the ledger does not override, in order."""
    windows = any(each.offsets for each in noted)
    done = ledger.done(output.scene(noted[0].scene_id)) if windows else set()
    return sorted(
        (each for each in noted if each.offsets not in done),
        key=lambda each: (each.offsets or (-1, -1), each.name),
    )


def _read(output: Output, noted: Noted) -> Failure | None:
    location = noted.location(output)
    try:
        failure = parsed(objects.get_document(location))
        if (failure.scene_id, failure.offsets) != (noted.scene_id, noted.offsets):
            raise ValueError(f"it is of {failure.scene_id}, {failure.offsets}")  # noqa: TRY301 - as what is no failure
        return failure  # noqa: TRY300 - the same
    except FileNotFoundError:
        return None
    except ValueError as error:
        message = (
            f"{location} is not the note of a failure ({error}): what failed there is not known any more"
        )
        row_off, col_off = noted.offsets or (None, None)
        return Failure(
            scene_id=noted.scene_id,
            uri=location.uri,
            row_off=row_off,
            col_off=col_off,
            error=DAMAGED,
            message=message,
        )


def _name(failure: Failure, part: int) -> str:
    if failure.offsets is not None:
        return entry_name(*failure.offsets)
    if failure.error == REFUSED:
        return refusal_note_name(failure.message)
    return plan_note_name(part)
