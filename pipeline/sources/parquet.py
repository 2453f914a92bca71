"""Lists in Parquet and stac-geoparquet, read a piece at a time; what a small file may unfold to is known before."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.errors import PipelineError
from pipeline.geometry.scene import Scene
from pipeline.sources.naming import Refusal
from pipeline.sources.records import check_columns, scene_of_row
from pipeline.sources.stac.assets import scene_of_item
from pipeline.storage import objects
from pipeline.storage.documents import json_of
from pipeline.storage.location import Location

_BATCH_ROWS = 1024
_NAMES = ("scene_id", "id")
_DATES = ("datetime", "start_datetime", "end_datetime")
_TEXT_BYTES = 2**20  # of one text; a uri has some hundred
_BATCH_BYTES = 256 * 2**20
_EXPANSION = 200  # times its bytes in the file may a column have when decoded
_ROWS_A_BYTE = 20  # a row that names a scene of its own has a byte at least
_VALUES_A_ROW = 1000
_ALWAYS_FINE_ROWS = 10_000
_PREFIXES = "DELTA_BYTE_ARRAY"
"""An encoding by which each text repeats the one before: a few bytes of file are many of text."""


def parquet_scenes(location: Location, *, assets: tuple[str, ...]) -> Iterator[Scene | Refusal]:
    """Yield the scenes of a Parquet or GeoParquet table with a column ``uri``, or with STAC's ``assets``.

    Raises:
        PipelineError: the list cannot be read, has neither column, or unfolds to more than a list has a use for.
    """
    uri = location.uri
    with objects.opened_object(location) as file:
        columns, batches = _batches(uri, file)
        items = "uri" not in columns
        for number, record in enumerate(_rows(batches), start=1):
            position = f"row {number} of {uri}"
            yield (
                _item_scene(record, position, uri, assets)
                if items
                else scene_of_row(record, position, origin=uri)
            )


def parts_scenes(location: Location, *, assets: tuple[str, ...]) -> Iterator[Scene | Refusal]:
    """Yield the scenes of a table that is a folder of Parquet files; a part that cannot be read is a refusal.

    Raises:
        PipelineError: the folder cannot be listed.
    """
    for part in objects.walk(location):
        if part.uri.lower().endswith(".parquet"):
            try:
                yield from parquet_scenes(part, assets=assets)
            except PipelineError as error:
                yield Refusal(part.uri, str(error))


def _batches(uri: str, file: io.IOBase) -> tuple[list[str], Iterator[pa.RecordBatch]]:
    """Return the columns that are wanted, and them a piece at a time: each text once, however often it is said."""
    table = pq.ParquetFile(file, pre_buffer=False)
    wanted = _wanted(uri, table.schema_arrow.names)
    chunks = _chunks(table.metadata, wanted)
    _check_rows(uri, file, table.metadata)
    for chunk in chunks:
        _check_chunk(uri, chunk)
    texts = {chunk.path_in_schema for chunk in chunks if chunk.physical_type == "BYTE_ARRAY"}
    prefixed = {chunk.path_in_schema for chunk in chunks if _PREFIXES in chunk.encodings}
    longest = max((each.total_uncompressed_size for each in chunks if _PREFIXES in each.encodings), default=1)
    file.seek(0)
    compact = pq.ParquetFile(
        file, metadata=table.metadata, pre_buffer=False, read_dictionary=sorted(texts - prefixed)
    )
    rows = max(1, min(_BATCH_ROWS, _BATCH_BYTES // max(1, longest)))
    return wanted, compact.iter_batches(batch_size=rows, columns=wanted, use_threads=False)


def _wanted(uri: str, names: Sequence[str]) -> list[str]:
    """Return the columns to read: those of items where that is what the table holds, whatever its name."""
    check_columns(uri, names, wanted=("uri", "assets"))
    is_items = "assets" in names and ("uri" not in names or "stac_version" in names)
    known = ("id", "assets", "eo:bands", *_DATES) if is_items else ("uri", *_NAMES)
    return [name for name in known if name in names]


def _chunks(metadata: pq.FileMetaData, wanted: Sequence[str]) -> list[Any]:
    groups = (metadata.row_group(position) for position in range(metadata.num_row_groups))
    chunks = (group.column(position) for group in groups for position in range(group.num_columns))
    return [chunk for chunk in chunks if chunk.path_in_schema.split(".")[0] in wanted]


def _check_rows(uri: str, file: io.IOBase, metadata: pq.FileMetaData) -> None:
    size_bytes = file.seek(0, os.SEEK_END)
    if metadata.num_rows > max(_ALWAYS_FINE_ROWS, _ROWS_A_BYTE * size_bytes):
        raise PipelineError(
            f"the list {uri} has {metadata.num_rows:,} rows in {size_bytes:,} bytes: expected a row for each scene"
        )


def _check_chunk(uri: str, chunk: Any) -> None:  # noqa: ANN401 - pyarrow has no types
    """Refuse a column that is far larger decoded than in its file, or whose rows are endless lists."""
    decoded_bytes = chunk.total_uncompressed_size
    if decoded_bytes > max(_BATCH_BYTES, _EXPANSION * chunk.total_compressed_size):
        raise PipelineError(
            f"the list {uri} has a column {chunk.path_in_schema} of {chunk.total_compressed_size:,} bytes that are "
            f"{decoded_bytes:,} when decoded: expected at most {_EXPANSION} times as many"
        )
    if chunk.num_values > _ALWAYS_FINE_ROWS * _VALUES_A_ROW:
        raise PipelineError(
            f"the list {uri} has {chunk.num_values:,} values in a part of its column {chunk.path_in_schema}: "
            f"expected at most {_ALWAYS_FINE_ROWS * _VALUES_A_ROW:,}"
        )


def _rows(batches: Iterator[pa.RecordBatch]) -> Iterator[Mapping[str, Any]]:
    """Yield rows one at a time; a text that is too long is left out, and with it whatever it is in."""
    for batch in batches:
        columns = {
            name: _shortened(column) for name, column in zip(batch.schema.names, batch.columns, strict=True)
        }
        for position in range(batch.num_rows):
            yield {name: column[position].as_py() for name, column in columns.items()}


def _has_long_text(column: pa.Array) -> bool:
    """Tell whether any text of a column, or of what is inside it, is longer than one may be."""
    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary
    if isinstance(column, pa.StructArray):
        return any(_has_long_text(column.field(position)) for position in range(column.type.num_fields))
    if isinstance(column, pa.ListArray | pa.LargeListArray):
        return _has_long_text(column.values)
    return _is_text(column) and (pc.max(pc.binary_length(column)).as_py() or 0) > _TEXT_BYTES


def _shortened(column: pa.Array) -> pa.Array:
    """Return a column without its long texts; one that has them inside of lists and objects has nothing then."""
    if not _has_long_text(column):
        return column
    if isinstance(column, pa.DictionaryArray):
        return pa.DictionaryArray.from_arrays(column.indices, _shortened(column.dictionary))
    if not _is_text(column):
        return pa.nulls(len(column))
    return pc.if_else(pc.less_equal(pc.binary_length(column), _TEXT_BYTES), column, None)


def _is_text(column: pa.Array) -> bool:
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def _item_scene(
    record: Mapping[str, Any], position: str, uri: str, assets: tuple[str, ...]
) -> Scene | Refusal:
    try:
        item = _item(record)
    except ValueError as error:
        return Refusal(uri, f"{position} is no STAC item: {error}")
    return scene_of_item(item, origin=uri, wanted=assets)


def _item(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of stac-geoparquet as the item it was made of: absent fields are null in a table."""
    assets = record["assets"]
    if isinstance(assets, str | bytes):
        assets = json_of(assets)
    properties = {"eo:bands": record.get("eo:bands")} | {name: _dated(record.get(name)) for name in _DATES}
    return {"id": record.get("id"), "assets": _without_nulls(assets), "properties": properties}


def _dated(value: object) -> object:
    """Return a time as STAC writes it: a table may hold it as one, where none of another zone is."""
    if not isinstance(value, datetime):
        return value
    return (
        value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value.tzinfo else f"{value.isoformat()}Z"
    )


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - what JSON holds
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value
