"""Lists in a file: a text of uris, a CSV, or a Parquet table, read a piece at a time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow.parquet as pq

from pipeline import objects
from pipeline.errors import PipelineError
from pipeline.scene import Refusal, Scene, scene_of
from pipeline.sources.assets import scene_of_item
from pipeline.sources.files import SUFFIXES, has_suffix

_BATCH_ROWS = 1024
_NAMES = ("scene_id", "id")


def text_scenes(uri: str) -> Iterator[Scene | Refusal]:
    """Yield the scenes of a text: a uri a line, empty lines and what follows ``#`` at a line's start left out.

    What is relative is so to the list's own place.

    Raises:
        PipelineError: the list cannot be read, or its first line is no uri.
    """
    with objects.opened(uri) as file, io.TextIOWrapper(file, encoding="utf-8-sig") as text:
        entries = (line for each in text if (line := each.strip()) and not line.startswith("#"))
        for index, line in enumerate(entries):
            if objects.is_remote(line) or line.startswith(("/", "file://")) or has_suffix(line, SUFFIXES):
                yield _listed(line, origin=uri)
                continue
            reason = (
                f"a text list has a uri or a path of {', '.join(SUFFIXES)} a line, got {line[:80]!r} in {uri}"
            )
            if index == 0:
                raise PipelineError(reason)
            yield Refusal(uri, reason)


def csv_scenes(uri: str) -> Iterator[Scene | Refusal]:
    """Yield the scenes of a CSV with a column ``uri``, and ``id`` or ``scene_id`` where it names them.

    Raises:
        PipelineError: the list cannot be read, or it has no such column.
    """
    with objects.opened(uri) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        table = csv.DictReader(text)
        _check_columns(uri, list(table.fieldnames or []), wanted=("uri",))
        for record in table:
            yield _recorded(record, origin=uri)


def parquet_scenes(uri: str, *, assets: tuple[str, ...]) -> Iterator[Scene | Refusal]:
    """Yield the scenes of a Parquet or GeoParquet table with a column ``uri``, or with STAC's ``assets``.

    Raises:
        PipelineError: the list cannot be read, or it has neither column.
    """
    with objects.opened(uri) as file:
        table = pq.ParquetFile(file)
        columns = table.schema_arrow.names
        _check_columns(uri, columns, wanted=("uri", "assets"))
        wanted = [name for name in ("uri", *_NAMES) if name in columns]
        if "uri" not in columns:
            wanted = [name for name in ("id", "assets", "eo:bands") if name in columns]
        for batch in table.iter_batches(batch_size=_BATCH_ROWS, columns=wanted):
            for record in batch.to_pylist():
                if "uri" in record:
                    yield _recorded(record, origin=uri)
                else:
                    yield scene_of_item(_item(record), origin=uri, wanted=assets)


def _check_columns(uri: str, columns: list[str], *, wanted: tuple[str, ...]) -> None:
    if not set(wanted) & set(columns):
        named = ", ".join(columns[:20]) or "none"
        raise PipelineError(f"the list {uri} needs a column {' or '.join(wanted)}, its columns are {named}")


def _recorded(record: Mapping[str, Any], *, origin: str) -> Scene | Refusal:
    found = record.get("uri")
    if not isinstance(found, str) or not found.strip():
        return Refusal(origin, f"a row of the list {origin} has no uri: {dict(record)!r}")
    name = next((str(record[key]) for key in _NAMES if record.get(key)), None)
    return _listed(found.strip(), origin=origin, name=name)


def _listed(reference: str, *, origin: str, name: str | None = None) -> Scene | Refusal:
    try:
        return scene_of(objects.resolve(reference, origin=origin), name=name)
    except PipelineError as error:
        return Refusal(reference, str(error))


def _item(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of stac-geoparquet as the item it was made of: absent fields are null in a table."""
    assets = record["assets"]
    if isinstance(assets, str):
        assets = json.loads(assets)
    properties = {"eo:bands": record.get("eo:bands")}
    return {"id": record.get("id"), "assets": _without_nulls(dict(assets or {})), "properties": properties}


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - what JSON holds
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value
