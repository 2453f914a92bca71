"""What is known of a scene as a whole: what it is, and its part of the summary."""

from __future__ import annotations

import heapq
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.statistics.classes import scene_summary
from pipeline.statistics.facts import ABOUT, NOTHING
from pipeline.statistics.table_writer import TableWriter
from pipeline.statistics.tables import SUMMARY_SCHEMA

_SCHEMA = pa.schema(
    [
        ("scene_id", pa.string()),
        ("facts", pa.string()),
        ("records", pa.list_(pa.struct(list(SUMMARY_SCHEMA)))),
    ]
)
_GROUP_ROWS, _AT_ONCE = 100, 10  # scenes


@dataclass(frozen=True, slots=True)
class SceneSum:
    """A scene: its ``facts``, see ``facts_of``, and its ``records`` of the summary, one a class."""

    scene_id: str
    facts: Mapping[str, Any]
    records: Sequence[Mapping[str, Any]]

    @property
    def is_begun(self) -> bool:
        """Whether a window of it is done."""
        return bool(self.records[0]["windows_done"])


def packed(sums: Iterable[SceneSum]) -> bytes:
    """Return sums as one small Parquet file, for what waits to be merged."""
    table = TableWriter(_SCHEMA, group_rows=_GROUP_ROWS)
    for each in sums:
        table.add({"scene_id": each.scene_id, "facts": json.dumps(each.facts), "records": each.records})
    return table.content()


def merged(parts: Iterable[bytes]) -> Iterator[SceneSum]:
    """Yield the sums of all ``packed`` parts by scene id, a few in memory at a time."""
    return heapq.merge(*map(_unpacked, parts), key=attrgetter("scene_id"))


def with_failed(
    sums: Iterable[SceneSum], failed: Mapping[str, str], *, classes: Sequence[str]
) -> Iterator[SceneSum]:
    """Yield sums by scene id, and in between those of scenes that ``failed`` whole, of which it has the uris by id.

    A scene that has a sum did not fail whole.
    """
    left = sorted(failed, reverse=True)
    for each in sums:
        while left and left[-1] <= each.scene_id:
            scene_id = left.pop()
            if scene_id < each.scene_id:
                yield _failed_whole(scene_id, failed[scene_id], classes=classes)
        yield each
    yield from (_failed_whole(scene_id, failed[scene_id], classes=classes) for scene_id in reversed(left))


def _failed_whole(scene_id: str, uri: str, *, classes: Sequence[str]) -> SceneSum:
    facts = {**NOTHING, "uri": uri}
    about = {name: facts[name] for name in ABOUT}
    records = scene_summary(scene_id, (), classes=classes, about=about, windows=(0, None))
    return SceneSum(scene_id, facts, tuple({**record, "area_m2": None} for record in records))


def _unpacked(content: bytes) -> Iterator[SceneSum]:
    for batch in pq.ParquetFile(io.BytesIO(content)).iter_batches(batch_size=_AT_ONCE):
        for row in batch.to_pylist():
            yield SceneSum(row["scene_id"], json.loads(row["facts"]), row["records"])
