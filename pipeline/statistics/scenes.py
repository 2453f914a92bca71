"""The statistics of a scene from its ledger, or as they are kept, where they still are of that ledger.

Kept statistics note the names and sizes of the entries that they are of. They are taken as they are where the ledger
has these very entries and none was written after them, both by the storage's own clock: a window that was done again
is newer than they are.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import ledger, objects
from pipeline.objects import Listed
from pipeline.output import statistics_uri
from pipeline.statistics.classes import scene_summary
from pipeline.statistics.tables import LISTING_KEY, write_scene


def sum_scene(output: str, scene_id: str, *, classes: Sequence[str], least: int = 0) -> list[dict[str, Any]]:
    """Have OUT/statistics/SCENE_ID.parquet be of the scene's ledger, and return its part of the summary.

    ``least`` is how many windows are known to be done. Nothing is written, and nothing returned, where none is.

    Raises:
        PipelineError: the storage refused, lists less than is known to be done, or an entry is damaged.
    """
    listed = ledger.listed(output, scene_id, least=least)
    found = [each for each in listed if ledger.place_of(each.path) is not None]
    if not found:
        return []
    rows = _kept(output, scene_id, found)
    if rows is not None:
        return scene_summary(scene_id, rows, classes=classes)
    places = [place for each in found if (place := ledger.place_of(each.path)) is not None]
    entries = ledger.entries(output, scene_id, places)
    return write_scene(output, scene_id, entries=entries, classes=classes, listing=listing_digest(found))


def listing_digest(entries: Iterable[Listed]) -> str:
    """Return a digest of the names and sizes of a scene's entries, in whatever order they come."""
    lines = "".join(f"{each.path} {each.size_bytes}\n" for each in sorted(entries))
    return hashlib.sha256(lines.encode()).hexdigest()


def _kept(output: str, scene_id: str, found: Sequence[Listed]) -> list[dict[str, Any]] | None:
    """Return the rows that are kept, None where they are missing, damaged or not of the ledger as it is."""
    uri = statistics_uri(output, scene_id)
    written_s = objects.written_s(uri)
    if written_s is None or max(each.written_s for each in found) > written_s:
        return None
    try:
        table = pq.read_table(io.BytesIO(objects.get_bytes(uri)))
    except (FileNotFoundError, pa.ArrowException, OSError):
        return None
    if (table.schema.metadata or {}).get(LISTING_KEY) != listing_digest(found).encode():
        return None
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
