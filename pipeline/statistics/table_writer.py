"""A Parquet file that grows by rows, in flat memory but for what is compressed already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_GROUP_ROWS = 10_000


class TableWriter:
    """Rows of a schema, which become the bytes of a file. The same rows give the same bytes."""

    def __init__(self, schema: pa.Schema, *, group_rows: int = _GROUP_ROWS) -> None:
        self._group_rows = group_rows
        self._rows: list[Mapping[str, Any]] = []
        self._sink = pa.BufferOutputStream()
        self._writer = pq.ParquetWriter(self._sink, schema, compression="zstd")

    def add(self, row: Mapping[str, Any]) -> None:
        """Take a row in."""
        self._rows.append(row)
        if len(self._rows) == self._group_rows:
            self._flush()

    def content(self, noted: Mapping[str, str] | None = None) -> bytes:
        """Return the bytes of the file, after which no row can be added; its metadata have what is ``noted``."""
        self._flush()
        if noted:
            self._writer.add_key_value_metadata(noted)
        self._writer.close()
        return bytes(self._sink.getvalue().to_pybytes())

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._writer.schema))
        self._rows = []
