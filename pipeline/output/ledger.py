"""What is done: one small object a window at OUT/ledger/SCENE_ID/ROW_OFF-COL_OFF.json, the commit.

A window is done when its object is there, and nothing else says so. The object is written whole, after the
window's chunks, and holds nothing that a second run would write differently: no time, no host.

Beside them OUT/ledger/SCENE_ID/plan-WINDOWS-DIGEST.json says by its name how many windows the scene has in all, so that
a listing tells what is left, and by what digest OUT/inputs/SCENE_ID.json is known, of which it is a copy.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.errors import PipelineError
from pipeline.geometry.window import Window
from pipeline.output import Plan, SceneOutput, offsets_of, plan_of
from pipeline.storage import objects
from pipeline.storage.documents import json_of
from pipeline.storage.location import Location

_LIST_AGAIN_S = (1.0, 5.0, 15.0)  # between listings that are too short
_READERS = 16  # a read is one round trip to the storage and almost no work
_READ_AHEAD = 256  # entries in memory at a time, so that a scene of a million windows is read in flat memory


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A window that is done.

    ``digests`` are the SHA-256 of its arrays by name, ``statistics`` its records, one a class.
    """

    window: Window
    digests: Mapping[str, str]
    statistics: Sequence[Mapping[str, Any]]


def commit(
    scene: SceneOutput,
    *,
    window: Window,
    digests: Mapping[str, str],
    statistics: Sequence[Mapping[str, Any]],
) -> None:
    """Note that ``window`` is done; its chunks must be written. Doing it twice changes nothing.

    Raises:
        PipelineError: the storage refused.
        ValueError: a number is not finite, or a value is nothing that JSON knows.
    """
    content = entry_bytes(window, digests, statistics)
    objects.put_bytes(scene.entry(window.row_off, window.col_off), content)


def entry_bytes(window: Window, digests: Mapping[str, str], statistics: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the content of a window's entry: equal values give equal bytes."""
    content = {"window": asdict(window), "digests": dict(digests), "statistics": list(map(dict, statistics))}
    return (json.dumps(content, sort_keys=True, indent=1, allow_nan=False) + "\n").encode()


def note_plan(scene: SceneOutput, *, plan: Plan, inputs: bytes, instead_of: Plan | None) -> None:
    """Note the scene's plan, ``instead_of`` the one that ``done_and_plan`` found. Doing it twice changes nothing.

    Raises:
        PipelineError: the storage refused.
    """
    if plan == instead_of:
        return
    if instead_of is not None:
        objects.remove(scene.plan(instead_of), below=scene.output.location)
    objects.put_bytes(scene.plan(plan), inputs)


def inputs_digest(inputs: bytes) -> str:
    """Return the digest that a plan has in its name."""
    return hashlib.sha256(inputs).hexdigest()[:32]


def done(scene: SceneOutput) -> set[tuple[int, int]]:
    """Return ``(row_off, col_off)`` of the scene's windows that are done, by one listing.

    Raises:
        PipelineError: the storage refused.
    """
    return done_and_plan(scene)[0]


def done_and_plan(scene: SceneOutput) -> tuple[set[tuple[int, int]], Plan | None]:
    """Return what of the scene is done, see ``done``, and its plan, by one listing.

    Raises:
        PipelineError: the storage refused.
    """
    names = list(objects.list_names(scene.ledger))
    offsets_done = {offsets for name in names if (offsets := offsets_of(name)) is not None}
    return offsets_done, next((plan for name in names if (plan := plan_of(name)) is not None), None)


def list_objects(scene: SceneOutput, *, least: int = 0) -> list[objects.Listed]:
    """Return all objects of a scene's ledger; where fewer than ``least`` windows are among them, list again.

    A listing may be older than what was written, and a storage may cut one short.

    Raises:
        PipelineError: the storage refused, or its listings stay too short.
    """
    for pause_s in (*_LIST_AGAIN_S, None):
        found = list(objects.list_all(scene.ledger))
        windows = sum(offsets_of(each.path) is not None for each in found)
        plan = next((plan for each in found if (plan := plan_of(each.path)) is not None), None)
        if windows >= least or (plan is not None and windows >= plan.windows):
            break
        if pause_s is None:
            raise PipelineError(
                f"{scene.ledger} lists {windows} windows, and {least} are known to be done: the "
                "storage's listing is not whole, or somebody removed some. The same command does again what is missing"
            )
        time.sleep(pause_s)
    return found


def listing_digest(entries: Iterable[objects.Listed]) -> str:
    """Return a digest of the names and sizes of a scene's entries, in whatever order they come."""
    lines = "".join(f"{each.path} {each.size_bytes}\n" for each in sorted(entries))
    return hashlib.sha256(lines.encode()).hexdigest()


def entries(
    scene: SceneOutput, offsets_done: Iterable[tuple[int, int]] | None = None
) -> Iterator[LedgerEntry]:
    """Yield the scene's windows that are done, or those at ``offsets_done``, in row-major order.

    Raises:
        PipelineError: the storage refused, or an object is not what ``commit`` writes.
    """
    known = done(scene) if offsets_done is None else offsets_done
    there = [scene.entry(row, col) for row, col in sorted(known)]
    with ThreadPoolExecutor(_READERS) as readers:
        for start in range(0, len(there), _READ_AHEAD):
            yield from readers.map(_read, there[start : start + _READ_AHEAD])


def entry_of(scene: SceneOutput, window: Window) -> LedgerEntry | None:
    """Return the entry of a window, None where it is not done.

    Raises:
        PipelineError: the storage refused, or the object is not what ``commit`` writes.
    """
    try:
        return _read(scene.entry(window.row_off, window.col_off))
    except FileNotFoundError:
        return None


def parsed(content: bytes) -> LedgerEntry:
    """Read the content of an entry.

    Raises:
        ValueError: it is none.
    """
    try:
        values = json_of(content)
        return LedgerEntry(Window(**values["window"]), values["digests"], values["statistics"])
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(repr(error)) from error


def _read(entry: Location) -> LedgerEntry:
    try:
        return parsed(objects.get_document(entry))
    except ValueError as error:
        raise PipelineError(
            f"{entry} is not an entry of a ledger ({error}). Remove it: the window is then computed again, or have "
            "`mrovseg verify --forget` look for all that is damaged"
        ) from error
