"""The Parquet files of an output that are functions of the ledger: statistics of a scene's windows, the summary.

Each is written whole and atomically, with a schema of its own, also when it has no rows. The same records
give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from pipeline.output import SceneOutput
from pipeline.output.ledger import LedgerEntry
from pipeline.statistics.facts import NOTHING
from pipeline.statistics.table_writer import TableWriter

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


def scene_table(scene: SceneOutput, *, listing: str, about: Mapping[str, Any]) -> TableWriter:
    """Return OUT/statistics/SCENE_ID.parquet, to which ``scene_rows`` are added.

    It notes the ``listing`` it is of, and what is known ``about`` the scene.
    """
    noted = {LISTING_KEY: listing.encode(), ABOUT_KEY: json.dumps(dict(about), sort_keys=True).encode()}
    return TableWriter(scene.statistics, WINDOWS_SCHEMA.with_metadata(noted))


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
