"""The columns of tables that are functions of the ledger: statistics of windows, and the summary."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pyarrow as pa

from pipeline.output.ledger import LedgerEntry

_RECTANGLE = [(name, pa.int64()) for name in ("row_off", "col_off", "height", "width")]
_CLASS = [
    pa.field("class_id", pa.int64(), nullable=False),
    pa.field("class_name", pa.string(), nullable=False),
    pa.field("pixels", pa.int64(), nullable=False),
    pa.field("unplaced_pixels", pa.int64(), nullable=False),
    pa.field("area_m2", pa.float64()),
]
_SCENE_ID = pa.field("scene_id", pa.string(), nullable=False)

BBOX = pa.struct([(name, pa.float64()) for name in ("xmin", "ymin", "xmax", "ymax")])

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
        pa.field("bbox", BBOX),
        pa.field("windows_done", pa.int64(), nullable=False),
        pa.field("windows_failed", pa.int64()),
        pa.field("valid_pixels", pa.int64(), nullable=False),
        *_CLASS,
        pa.field("share", pa.float64(), nullable=False),
        pa.field("area_share", pa.float64()),
        pa.field("mean_score", pa.float64()),
    ]
)


def scene_rows(scene_id: str, entry: LedgerEntry) -> list[dict[str, Any]]:
    """Return the rows of a window, one a class."""
    return [{"scene_id": scene_id, **asdict(entry.window), **record} for record in entry.statistics]
