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

import hashlib
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import NamedTuple

from pipeline import ledger, objects
from pipeline.failure import DAMAGED, REFUSED, Failure, parsed, to_bytes
from pipeline.output import failures_path, failures_uri

FOLDER = "failures"
_OF_PLAN = re.compile(r"scene(?:-([1-9]\d*))?\.json")
_OF_LIST = re.compile(r"refused-[0-9a-f]{16}\.json")
_READERS = 16  # a read is one round trip to the storage and almost no work
_READ_AHEAD = 256


class Noted(NamedTuple):
    """A failure that is noted: whose, and the name of its object."""

    scene_id: str
    name: str

    @property
    def path(self) -> str:
        """Where its object is below the output."""
        return f"{failures_path(self.scene_id)}/{self.name}"

    @property
    def place(self) -> tuple[int, int] | None:
        """``(row_off, col_off)`` of its window, None of a whole scene."""
        return ledger.place_of(self.name)


def is_failure(name: str) -> bool:
    """Tell whether an object of this name, in a scene's folder, is that of a failure."""
    return bool(ledger.place_of(name) or _OF_PLAN.fullmatch(name) or _OF_LIST.fullmatch(name))


def note(output: str, failure: Failure, *, part: int = 0) -> None:
    """Note a failure, of ``part`` of the plan of a scene where it is of one. Doing it twice changes nothing.

    Raises:
        OutputError: the storage refused.
    """
    uri = objects.join(failures_uri(output, failure.scene_id), _name(failure, part))
    objects.put_bytes(uri, to_bytes(failure))


def clear(
    output: str, scene_id: str, *, done: Collection[tuple[int, int]], part: int = 0, parts: int = 1
) -> None:
    """Remove what no longer stands of a scene of which ``part`` is planned, by one listing: see above.

    Of ``parts`` tasks each has parts of the plan of its own to remove, however many there were before.

    Raises:
        PipelineError: the storage refused.
    """
    folder = failures_uri(output, scene_id)
    objects.sweep(folder, below=output)
    for name in objects.list_names(folder):
        number = _part(name)
        if ledger.place_of(name) in done or (number is not None and number % parts == part):
            objects.remove(objects.join(folder, name), below=output)


def remove(output: str, noted: Iterable[Noted]) -> None:
    """Remove the objects of failures, and the folders that this leaves empty.

    Raises:
        PipelineError: the storage refused, or they are behind a link.
    """
    paths = {each.path for each in noted}
    if paths:
        deque(objects.remove_made(output, FOLDER, paths.__contains__), maxlen=0)  # what else is there stays


def listed(output: str) -> dict[str, list[Noted]]:
    """Return all failures that are noted, overridden or not, by scene, from one listing of names.

    Raises:
        PipelineError: the storage refused.
    """
    found: dict[str, list[Noted]] = {}
    for each in objects.list_all(objects.join(output, FOLDER)):
        scene_id, _, name = each.path.partition("/")
        if is_failure(name):
            found.setdefault(scene_id, []).append(Noted(scene_id, name))
    return found


def standing(output: str, found: Mapping[str, Sequence[Noted]]) -> list[Noted]:
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


def read(output: str, noted: Iterable[Noted]) -> Iterator[tuple[Noted, Failure]]:
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


def _not_done(output: str, noted: Sequence[Noted]) -> list[Noted]:
    """Return what of a scene's failures the ledger does not override, in order."""
    windows = any(each.place for each in noted)
    done = ledger.done(output, noted[0].scene_id) if windows else set()
    return sorted(
        (each for each in noted if each.place not in done),
        key=lambda each: (each.place or (-1, -1), each.name),
    )


def _read(output: str, noted: Noted) -> Failure | None:
    uri = objects.join(output, noted.path)
    try:
        failure = parsed(objects.get_document(uri))
        if (failure.scene_id, failure.place) != (noted.scene_id, noted.place):
            raise ValueError(f"it is of {failure.scene_id}, {failure.place}")  # noqa: TRY301 - as what is no failure
        return failure  # noqa: TRY300 - the same
    except FileNotFoundError:
        return None
    except ValueError as error:
        message = f"{uri} is not the note of a failure ({error}): what failed there is not known any more"
        row_off, col_off = noted.place or (None, None)
        return Failure(
            scene_id=noted.scene_id,
            uri=uri,
            row_off=row_off,
            col_off=col_off,
            error=DAMAGED,
            message=message,
        )


def _name(failure: Failure, part: int) -> str:
    if failure.place is not None:
        return ledger.entry_name(*failure.place)
    if failure.error == REFUSED:
        return f"refused-{hashlib.sha256(failure.message.encode()).hexdigest()[:16]}.json"
    return f"scene-{part}.json" if part else "scene.json"


def _part(name: str) -> int | None:
    """Return of which part of a scene's plan the failure of this name is; None where it is of none."""
    found = _OF_PLAN.fullmatch(name)
    return None if found is None else int(found[1] or 0)
