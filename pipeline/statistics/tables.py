"""The Parquet files of an output: statistics of a scene's windows, the summary, the failures.

Each is written whole and atomically, with a schema of its own, also when it has no rows. The same records
give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from pipeline.ledger import LedgerEntry
from pipeline.output import Output, SceneOutput
from pipeline.redact import redacted
from pipeline.statistics.facts import NOTHING
from pipeline.statistics.failing import FailuresTable
from pipeline.statistics.growing import GrowingTable

_RECTANGLE = [(name, pa.int64()) for name in ("row_off", "col_off", "height", "width")]
_CLASS = [
    pa.field("class_id", pa.int64(), nullable=False),
    pa.field("class_name", pa.string(), nullable=False),
    pa.field("pixels", pa.int64(), nullable=False),
    pa.field("unplaced_pixels", pa.int64(), nullable=False),
    pa.field("area_m2", pa.float64()),
]
_SCENE_ID = pa.field("scene_id", pa.string(), nullable=False)

_BBOX = pa.struct([(name, pa.float64()) for name in ("xmin", "ymin", "xmax", "ymax")])

LISTING_KEY, ABOUT_KEY = b"ledger", b"scene"
"""The keys of a table's metadata that say of which entries of the ledger it is, and what the scene is, as JSON."""

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
        pa.field("uri", pa.string()),
        pa.field("datetime", pa.string()),
        pa.field("bbox", _BBOX),
        pa.field("windows_done", pa.int64(), nullable=False),
        pa.field("windows_failed", pa.int64()),
        pa.field("valid_pixels", pa.int64(), nullable=False),
        *_CLASS,
        pa.field("share", pa.float64(), nullable=False),
        pa.field("area_share", pa.float64()),
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
        pa.field("traceback", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A window that could not be done, or a whole scene: then the rectangle is None.

    ``error`` is the error's class, ``message`` what it says to the user, and ``traceback`` where it was raised, if
    anywhere. None of them holds credentials, nor does ``uri``.
    """

    scene_id: str
    uri: str
    row_off: int | None = None
    col_off: int | None = None
    height: int | None = None
    width: int | None = None
    error: str
    message: str
    traceback: str | None = None

    def __post_init__(self) -> None:
        for name in ("uri", "message", "traceback"):
            text = getattr(self, name)
            object.__setattr__(self, name, None if text is None else redacted(text))

    def __str__(self) -> str:
        """Return one line for a terminal: what failed, where, and why."""
        where = ""
        if self.row_off is not None:
            where = f" (window at row {self.row_off}, column {self.col_off}, {self.height} x {self.width} px)"
        message = " ".join(self.message.split()) or self.error
        # Most messages of ours name the file themselves.
        return message if not where and self.uri in message else f"{self.uri}{where}: {message}"


def scene_table(scene: SceneOutput, *, listing: str, about: Mapping[str, Any]) -> GrowingTable:
    """Return OUT/statistics/SCENE_ID.parquet, to which ``scene_rows`` are added.

    It notes the ``listing`` it is of, and what is known ``about`` the scene.
    """
    noted = {LISTING_KEY: listing.encode(), ABOUT_KEY: json.dumps(dict(about), sort_keys=True).encode()}
    return GrowingTable(scene.statistics, WINDOWS_SCHEMA.with_metadata(noted))


def scene_rows(scene_id: str, entry: LedgerEntry) -> list[dict[str, Any]]:
    """Return the rows of a window, one a class."""
    return [{"scene_id": scene_id, **asdict(entry.window), **record} for record in entry.statistics]


def write_scene(
    scene: SceneOutput,
    *,
    entries: Iterable[LedgerEntry],
    listing: str,
    about: Mapping[str, Any] = NOTHING,
) -> list[dict[str, Any]]:
    """Write OUT/statistics/SCENE_ID.parquet, a row for each window and class, in the order of ``entries``.

    Returns these rows, of which ``scene_summary`` makes the scene's part of the summary.

    Raises:
        PipelineError: the storage refused.
    """
    rows = [row for entry in entries for row in scene_rows(scene.scene_id, entry)]
    table = scene_table(scene, listing=listing, about=about)
    for row in rows:
        table.add(row)
    table.close()
    return rows


def failures_table(output: Output) -> FailuresTable:
    """Return OUT/failures.parquet, to which ``asdict`` of failures are added as they come.

    Raises:
        PipelineError: the storage refused.
    """
    return FailuresTable(output.failures, FAILURES_SCHEMA)
