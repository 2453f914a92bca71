"""What is done: one small object a window at OUT/ledger/SCENE_ID/ROW_OFF-COL_OFF.json, the commit.

A window is done when its object is there, and nothing else says so. The object is written whole, after the
window's chunks, and holds nothing that a second run would write differently: no time, no host.

Beside them OUT/ledger/SCENE_ID/plan-WINDOWS-DIGEST.json says by its name how many windows the scene has in all, so that
a listing tells what is left, and by what digest OUT/inputs/SCENE_ID.json is known, of which it is a copy.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from pipeline import objects
from pipeline.documents import json_of
from pipeline.errors import PipelineError
from pipeline.geometry.window import Window
from pipeline.output import ledger_uri

_NAME = re.compile(r"(\d+)-(\d+)\.json")
_PLAN = re.compile(r"plan-(\d+)-([0-9a-f]{32})\.json")
_LIST_AGAIN_S = (1.0, 5.0, 15.0)  # between listings that are too short
_READERS = 16  # a read is one round trip to the storage and almost no work
_READ_AHEAD = 256  # entries held at a time, so that a scene of a million windows is read in flat memory


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A window that is done.

    ``digests`` are the SHA-256 of its arrays by name, ``statistics`` its records, one a class.
    """

    window: Window
    digests: Mapping[str, str]
    statistics: Sequence[Mapping[str, Any]]


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


def place_of(name: str) -> tuple[int, int] | None:
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


def commit(
    output: str,
    scene_id: str,
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
    objects.put_bytes(entry_uri(output, scene_id, window.row_off, window.col_off), content)


def entry_bytes(window: Window, digests: Mapping[str, str], statistics: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the content of a window's entry: equal values give equal bytes."""
    content = {"window": asdict(window), "digests": dict(digests), "statistics": list(map(dict, statistics))}
    return (json.dumps(content, sort_keys=True, indent=1, allow_nan=False) + "\n").encode()


def note_plan(output: str, scene_id: str, *, plan: Plan, inputs: bytes, instead_of: Plan | None) -> None:
    """Note the scene's plan, ``instead_of`` the one that ``look`` found. Doing it twice changes nothing.

    Raises:
        PipelineError: the storage refused.
    """
    folder = ledger_uri(output, scene_id)
    if plan == instead_of:
        return
    if instead_of is not None:
        objects.remove(objects.join(folder, instead_of.name), below=output)
    objects.put_bytes(objects.join(folder, plan.name), inputs)


def inputs_digest(inputs: bytes) -> str:
    """Return the digest that a plan has in its name."""
    return hashlib.sha256(inputs).hexdigest()[:32]


def done(output: str, scene_id: str) -> set[tuple[int, int]]:
    """Return ``(row_off, col_off)`` of the scene's windows that are done, by one listing.

    Raises:
        PipelineError: the storage refused.
    """
    return look(output, scene_id)[0]


def look(output: str, scene_id: str) -> tuple[set[tuple[int, int]], Plan | None]:
    """Return what of the scene is done, see ``done``, and its plan, by one listing.

    Raises:
        PipelineError: the storage refused.
    """
    names = list(objects.list_names(ledger_uri(output, scene_id)))
    places = {place for name in names if (place := place_of(name)) is not None}
    return places, next((plan for name in names if (plan := plan_of(name)) is not None), None)


def listed(output: str, scene_id: str, *, least: int = 0) -> list[objects.Listed]:
    """Return all objects of a scene's ledger; where fewer than ``least`` windows are among them, list again.

    A listing may be older than what was written, and a storage may cut one short.

    Raises:
        PipelineError: the storage refused, or its listings stay too short.
    """
    for pause_s in (*_LIST_AGAIN_S, None):
        found = list(objects.list_all(ledger_uri(output, scene_id)))
        windows = sum(place_of(each.path) is not None for each in found)
        plan = next((plan for each in found if (plan := plan_of(each.path)) is not None), None)
        if windows >= least or (plan is not None and windows >= plan.windows):
            break
        if pause_s is None:
            raise PipelineError(
                f"{ledger_uri(output, scene_id)} lists {windows} windows, and {least} are known to be done: the "
                "storage's listing is not whole, or somebody removed some. The same command does again what is missing"
            )
        time.sleep(pause_s)
    return found


def scene_ids(output: str) -> list[str]:
    """Return the ids of the scenes of which something is done, sorted.

    Raises:
        PipelineError: the storage refused.
    """
    return objects.list_folders(objects.join(output, "ledger"))


def entries(
    output: str, scene_id: str, places: Iterable[tuple[int, int]] | None = None
) -> Iterator[LedgerEntry]:
    """Yield the scene's windows that are done, or those at ``places``, in row-major order.

    Raises:
        PipelineError: the storage refused, or an object is not what ``commit`` writes.
    """
    known = done(output, scene_id) if places is None else places
    uris = [entry_uri(output, scene_id, row, col) for row, col in sorted(known)]
    with ThreadPoolExecutor(_READERS) as readers:
        for start in range(0, len(uris), _READ_AHEAD):
            yield from readers.map(_read, uris[start : start + _READ_AHEAD])


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


def entry_uri(output: str, scene_id: str, row_off: int, col_off: int) -> str:
    """Return where a window's entry is."""
    return objects.join(ledger_uri(output, scene_id), entry_name(row_off, col_off))


def _read(uri: str) -> LedgerEntry:
    try:
        return parsed(objects.get_document(uri))
    except ValueError as error:
        raise PipelineError(
            f"{uri} is not an entry of a ledger ({error}). Remove it: the window is then computed again, or have "
            "`mrovseg verify --forget` look for all that is damaged"
        ) from error
