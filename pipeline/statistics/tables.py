"""The Parquet files of an output: statistics of a scene's windows, the summary, the failures.

Each is written whole and atomically, with a schema of its own, also when it has no rows. The same records
give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipeline import objects
from pipeline.ledger import LedgerEntry
from pipeline.redact import redacted
from pipeline.statistics.classes import scene_summary
from pipeline.statistics.growing import GrowingTable

_RECTANGLE = [(name, pa.int64()) for name in ("row_off", "col_off", "height", "width")]
_CLASS = [
    pa.field("class_id", pa.int64(), nullable=False),
    pa.field("class_name", pa.string(), nullable=False),
    pa.field("pixels", pa.int64(), nullable=False),
    pa.field("area_m2", pa.float64()),
]
_SCENE_ID = pa.field("scene_id", pa.string(), nullable=False)

WINDOWS_SCHEMA = pa.schema(
    [
        _SCENE_ID,
        *(pa.field(name, kind, nullable=False) for name, kind in _RECTANGLE),
        *_CLASS,
        pa.field("mean_score", pa.float64(), nullable=False),
    ]
)
SUMMARY_SCHEMA = pa.schema(
    [
        _SCENE_ID,
        *_CLASS,
        pa.field("share", pa.float64(), nullable=False),
        pa.field("mean_score", pa.float64()),
    ]
)
FAILURES_SCHEMA = pa.schema(
    [
        _SCENE_ID,
        pa.field("uri", pa.string(), nullable=False),
        *(pa.field(name, kind) for name, kind in _RECTANGLE),
        pa.field("error", pa.string(), nullable=False),
        pa.field("message", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A window that could not be done, or a whole scene: then the rectangle is None.

    ``error`` is the error's class, ``message`` what it says to the user; neither it nor ``uri`` holds credentials.
    """

    scene_id: str
    uri: str
    row_off: int | None = None
    col_off: int | None = None
    height: int | None = None
    width: int | None = None
    error: str
    message: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "uri", redacted(self.uri))
        object.__setattr__(self, "message", redacted(self.message))

    def __str__(self) -> str:
        """Return one line for a terminal: what failed, where, and why."""
        where = ""
        if self.row_off is not None:
            where = f" (window at row {self.row_off}, column {self.col_off}, {self.height} x {self.width} px)"
        message = " ".join(self.message.split()) or self.error
        # Most messages of ours name the file themselves.
        return message if not where and self.uri in message else f"{self.uri}{where}: {message}"


def write_scene(
    output: str, scene_id: str, *, entries: Iterable[LedgerEntry], classes: Sequence[str]
) -> list[dict[str, Any]]:
    """Write OUT/statistics/SCENE_ID.parquet, a row for each window and class, in the order of ``entries``.

    Returns the scene's part of the summary: a record for ``other`` and for every class.

    Raises:
        PipelineError: the storage refused.
    """
    rows = [
        {
            "scene_id": scene_id,
            "row_off": entry.window.row_off,
            "col_off": entry.window.col_off,
            "height": entry.window.height,
            "width": entry.window.width,
            **record,
        }
        for entry in entries
        for record in entry.statistics
    ]
    _write(objects.join(output, "statistics", f"{scene_id}.parquet"), rows, WINDOWS_SCHEMA)
    return scene_summary(scene_id, rows, classes=classes)


def write_summary(output: str, records: Iterable[Mapping[str, Any]]) -> None:
    """Write OUT/summary.parquet, a row for each of the records that ``write_scene`` gave.

    Raises:
        PipelineError: the storage refused.
    """
    _write(objects.join(output, "summary.parquet"), records, SUMMARY_SCHEMA)


def failures_table(output: str) -> GrowingTable:
    """Return OUT/failures.parquet, to which ``asdict`` of failures are added as they come."""
    return GrowingTable(objects.join(output, "failures.parquet"), FAILURES_SCHEMA)


def _write(uri: str, rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> None:
    table = GrowingTable(uri, schema)
    for row in rows:
        table.add(row)
    table.close()
