"""What is done: one small object a window at OUT/ledger/SCENE_ID/ROW_OFF-COL_OFF.json, the commit.

A window is done when its object is there, and nothing else says so. The object is written whole, after the
window's chunks, and holds nothing that a second run would write differently: no time, no host.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from pipeline import objects
from pipeline.errors import PipelineError
from pipeline.window import Window

_NAME = re.compile(r"(\d+)-(\d+)\.json")
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
    content = {"window": asdict(window), "digests": dict(digests), "statistics": list(map(dict, statistics))}
    text = json.dumps(content, sort_keys=True, indent=1, allow_nan=False) + "\n"
    objects.put_bytes(_uri(output, scene_id, window.row_off, window.col_off), text.encode())


def done(output: str, scene_id: str) -> set[tuple[int, int]]:
    """Return ``(row_off, col_off)`` of the scene's windows that are done, by one listing.

    Raises:
        PipelineError: the storage refused.
    """
    matches = map(_NAME.fullmatch, objects.list_names(objects.join(output, "ledger", scene_id)))
    return {(int(match[1]), int(match[2])) for match in matches if match}


def scene_ids(output: str) -> list[str]:
    """Return the ids of the scenes of which something is done, sorted.

    Raises:
        PipelineError: the storage refused.
    """
    return objects.list_folders(objects.join(output, "ledger"))


def entries(output: str, scene_id: str) -> Iterator[LedgerEntry]:
    """Yield the scene's windows that are done, in row-major order.

    Raises:
        PipelineError: the storage refused, or an object is not what ``commit`` writes.
    """
    uris = [_uri(output, scene_id, row, col) for row, col in sorted(done(output, scene_id))]
    with ThreadPoolExecutor(_READERS) as readers:
        for start in range(0, len(uris), _READ_AHEAD):
            yield from readers.map(_read, uris[start : start + _READ_AHEAD])


def _read(uri: str) -> LedgerEntry:
    try:
        content = json.loads(objects.get_bytes(uri))
        return LedgerEntry(Window(**content["window"]), content["digests"], content["statistics"])
    except (ValueError, TypeError, KeyError) as error:
        raise PipelineError(
            f"{uri} is not an entry of a ledger ({error!r}). Remove it: the window is then computed again"
        ) from error


def _uri(output: str, scene_id: str, row_off: int, col_off: int) -> str:
    return objects.join(output, "ledger", scene_id, f"{row_off}-{col_off}.json")
