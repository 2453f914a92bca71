"""What failed, kept as it happens: OUT/failures.parquet, which can be written again and again while it grows."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import objects
from pipeline.location import Location
from pipeline.statistics.growing import GrowingTable

_GROUP_ROWS = 10_000


class FailuresTable:
    """Failures of a run, and those of earlier runs that it has not tried again yet.

    A run that is cut off at any moment so leaves what is known to have failed and was not tried since. Rows are held
    compressed.
    """

    def __init__(self, location: Location, schema: pa.Schema) -> None:
        """Take over what an earlier run left there; a damaged table is as good as none.

        Raises:
            PipelineError: the storage refused.
        """
        self._location, self._schema = location, schema
        self._rows: list[Mapping[str, Any]] = []
        self._groups: list[pa.Buffer] = []
        self._earlier = b""
        self._untried: set[str] = set()
        with suppress(FileNotFoundError, pa.ArrowException, OSError):
            found = objects.get_bytes(location)
            self._untried = {row["scene_id"] for row in _rows_of(found, self._schema)}
            self._earlier = found

    def add(self, row: Mapping[str, Any]) -> None:
        """Take a failure in."""
        self.tried(row["scene_id"])
        self._rows.append(row)
        if len(self._rows) == _GROUP_ROWS:
            table = pa.Table.from_pylist(self._rows, schema=self._schema)
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, self._schema, options=_COMPRESSED) as stream:
                stream.write_table(table)
            self._groups.append(sink.getvalue())
            self._rows = []

    def tried(self, scene_id: str) -> None:
        """Note that a scene is tried again: what failed of it before says nothing any more."""
        self._untried.discard(scene_id)

    def forget_earlier(self) -> None:
        """Note that all scenes were tried: what is left of earlier runs is of scenes that nobody asks for."""
        self._untried.clear()

    def close(self) -> None:
        """Write the table as it is; more may be added, and it may be written again.

        Raises:
            PipelineError: the storage refused.
        """
        table = GrowingTable(self._location, self._schema)
        for row in self._all():
            table.add(row)
        table.close()

    def _all(self) -> Iterator[Mapping[str, Any]]:
        for group in self._groups:
            yield from pa.ipc.open_stream(group).read_all().to_pylist()
        yield from self._rows
        if self._untried:
            yield from (
                row for row in _rows_of(self._earlier, self._schema) if row["scene_id"] in self._untried
            )


_COMPRESSED = pa.ipc.IpcWriteOptions(compression="zstd")


def _rows_of(content: bytes, schema: pa.Schema) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table of an earlier version, which may lack columns that can be null."""
    file = pq.ParquetFile(io.BytesIO(content))
    if any(not field.nullable and field.name not in file.schema_arrow.names for field in schema):
        raise pa.ArrowInvalid("this is no table of failures")
    columns = [name for name in schema.names if name in file.schema_arrow.names]
    for batch in file.iter_batches(batch_size=_GROUP_ROWS, columns=columns):
        yield from batch.to_pylist()
