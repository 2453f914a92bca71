"""OUT/statistics/part-XX.parquet: the rows of some scenes, by scene id, window and class.

A scene's id alone decides in which of 256 parts it is, and a part is one object that is written whole. So there are few
of them however many scenes there are, and at no time does a reader find a scene's rows twice, or half of them. The
metadata of a part note of each of its scenes of which entries of the ledger its rows are, and what the scene is: who
sums up later takes them as they are where neither has changed.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.statistics.table_writer import TableWriter
from pipeline.statistics.tables import WINDOWS_SCHEMA
from pipeline.storage import objects
from pipeline.storage.location import Location

_KEY = "scenes"
_LISTING, _FACTS = "ledger", "scene"


class PartWriter:
    """A part as it grows: scenes come by their ids."""

    def __init__(self) -> None:
        self._table = TableWriter(WINDOWS_SCHEMA)
        self._noted: dict[str, Any] = {}

    def add(
        self, scene_id: str, rows: Sequence[Mapping[str, Any]], *, listing: str, facts: Mapping[str, Any]
    ) -> None:
        """Take in the rows of a scene, of which entries they are, and what the scene is."""
        self._noted[scene_id] = {_LISTING: listing, _FACTS: dict(facts)}
        for row in rows:
            self._table.add(row)

    def content(self) -> bytes:
        """Return the bytes of the file, after which nothing can be added."""
        return self._table.content({_KEY: json.dumps(self._noted, sort_keys=True)})


@dataclass(frozen=True, slots=True)
class KeptPart:
    """A part as it is kept, and when it was written by the storage's clock."""

    written_s: float
    _table: pa.Table
    _noted: Mapping[str, Any]
    _where: Mapping[str, tuple[int, int]]

    @property
    def scene_ids(self) -> set[str]:
        """The scenes that it has."""
        return set(self._noted)

    def listing(self, scene_id: str) -> str | None:
        """Return of which entries a scene's rows are, None where it has none of it."""
        found: str | None = self._noted.get(scene_id, {}).get(_LISTING)
        return found

    def facts(self, scene_id: str) -> Mapping[str, Any]:
        """Return what a scene of it is."""
        found: Mapping[str, Any] = self._noted[scene_id][_FACTS]
        return found

    def rows(self, scene_id: str) -> list[dict[str, Any]]:
        """Return the rows of a scene of it."""
        start, end = self._where.get(scene_id, (0, 0))
        found: list[dict[str, Any]] = self._table.slice(start, end - start).to_pylist()
        return found


def read_part(location: Location) -> KeptPart | None:
    """Return the part that is kept at ``location``, None where it is missing or damaged.

    Raises:
        PipelineError: the storage refused.
    """
    written_s = objects.written_s(location)
    if written_s is None:
        return None
    try:
        content = objects.get_bytes(location)
        table = pq.read_table(io.BytesIO(content))
        noted = _noted(content)
    except (FileNotFoundError, pa.ArrowException, OSError, ValueError, KeyError, TypeError):
        return None
    return KeptPart(written_s, table, noted, dict(_ranges(table)))


def listings_of(content: bytes) -> dict[str, str] | None:
    """Return of which entries the scenes of a part are, None where it cannot be read."""
    try:
        return {scene_id: each[_LISTING] for scene_id, each in _noted(content).items()}
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError):
        return None


def _noted(content: bytes) -> dict[str, Any]:
    metadata = pq.read_metadata(io.BytesIO(content)).metadata or {}
    found: dict[str, Any] = json.loads(metadata[_KEY.encode()])
    return found


def _ranges(table: pa.Table) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield which rows are those of each scene that has any."""
    runs = table.select(["scene_id"]).group_by("scene_id", use_threads=False).aggregate([([], "count_all")])
    edges = accumulate(runs["count_all"].to_pylist(), initial=0)
    return zip(runs["scene_id"].to_pylist(), pairwise(edges), strict=True)
