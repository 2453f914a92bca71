"""A Parquet file that grows by rows, in flat memory but for what is compressed already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.storage import objects
from pipeline.storage.location import Location

_GROUP_ROWS = 10_000


class TableWriter:
    """Rows of a schema, written to a location whole and atomically by ``close``. The same rows give the same bytes."""

    def __init__(self, location: Location, schema: pa.Schema, *, group_rows: int = _GROUP_ROWS) -> None:
        self._location, self._group_rows = location, group_rows
        self._rows: list[Mapping[str, Any]] = []
        self._sink = pa.BufferOutputStream()
        self._writer = pq.ParquetWriter(self._sink, schema, compression="zstd")

    def add(self, row: Mapping[str, Any]) -> None:
        """Take a row in."""
        self._rows.append(row)
        if len(self._rows) == self._group_rows:
            self._flush()

    def close(self) -> None:
        """Write the file; it has no rows where none was added.

        Raises:
            PipelineError: the storage refused.
        """
        objects.put_bytes(self._location, self.content())

    def content(self) -> bytes:
        """Return the bytes of the file, after which no row can be added."""
        self._flush()
        self._writer.close()
        return bytes(self._sink.getvalue().to_pybytes())

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._writer.schema))
        self._rows = []
