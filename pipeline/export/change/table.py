"""FOLDER/transitions.parquet: a row for each transition of each pair of scenes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.export.exporting import Exported

_GROUP_ROWS = 50_000
_SCHEMA = pa.schema(
    [
        pa.field("before_scene_id", pa.string(), nullable=False),
        pa.field("after_scene_id", pa.string(), nullable=False),
        pa.field("before_datetime", pa.string()),
        pa.field("after_datetime", pa.string()),
        pa.field("from_class", pa.string(), nullable=False),
        pa.field("to_class", pa.string(), nullable=False),
        pa.field("pixels", pa.int64(), nullable=False),
        pa.field("area_m2", pa.float64()),
        pa.field("share", pa.float64(), nullable=False),
        pa.field("common_pixels", pa.int64(), nullable=False),
        pa.field("common_m2", pa.float64()),
        pa.field("before_windows_missing", pa.int64()),
        pa.field("after_windows_missing", pa.int64()),
    ]
)


def write_transitions(path: Path, exported: Sequence[Exported]) -> None:
    """Write the transitions of all pairs, by scene ids, then as the classes before and after are in order."""
    rows = _rows(exported)
    with pq.ParquetWriter(path, _SCHEMA, compression="zstd") as writer:
        while group := list(islice(rows, _GROUP_ROWS)):
            writer.write_table(pa.Table.from_pylist(group, schema=_SCHEMA))


def _rows(exported: Sequence[Exported]) -> Iterator[dict[str, Any]]:
    for before in exported:
        for pair in before.facts["pairs"]:
            for row in pair["transitions"]:
                area, whole = row["area_m2"], pair["common_m2"]
                yield {
                    **row,
                    **{name: value for name, value in pair.items() if name in _SCHEMA.names},
                    "before_scene_id": before.scene_id,
                    "after_scene_id": pair["scene_id"],
                    "share": area / whole if whole else row["pixels"] / pair["common_pixels"],
                    "before_windows_missing": before.windows_missing,
                }
