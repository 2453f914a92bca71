"""OUT/items.parquet: a STAC item for each scene, in the columns of stac-geoparquet, which is GeoParquet 1.1.

Its bytes do not depend on where the output is: what is in it is named from the folder of the table.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from pipeline.dates import span_of
from pipeline.geometry.footprint import bounds_of
from pipeline.output import Output
from pipeline.statistics.classes import OTHER
from pipeline.statistics.sums import SceneSum
from pipeline.statistics.table_writer import TableWriter
from pipeline.statistics.tables import BBOX

_GROUP_ROWS = 1000
_ZARR, _PARQUET = "application/vnd.zarr; version=3; profile=multiscales", "application/vnd.apache.parquet"
_EXTENSIONS = ["https://stac-extensions.github.io/projection/v2.0.0/schema.json"]
_MOMENT = pa.timestamp("us", tz="UTC")
_TEXTS = pa.list_(pa.field("item", pa.string()))
_ASSET = pa.struct([("href", pa.string()), ("type", pa.string()), ("title", pa.string()), ("roles", _TEXTS)])
_LINK = pa.struct([(name, pa.string()) for name in ("href", "rel", "type", "title")])
_GEO = {
    "version": "1.1.0",
    "primary_column": "geometry",
    "columns": {
        "geometry": {
            "encoding": "WKB",
            "geometry_types": [],  # where two are named and a geometry is null, rustac 0.9 ends in a panic
            "edges": "planar",
            "orientation": "counterclockwise",
            "covering": {"bbox": {name: ["bbox", name] for name in ("xmin", "ymin", "xmax", "ymax")}},
        }
    },
}
_BY_CLASS = {
    "pixels": pa.int64(),
    "area_m2": pa.float64(),
    "share": pa.float64(),
    "area_share": pa.float64(),
    "mean_score": pa.float64(),
}
"""The columns that have a field for each class, by its name."""


def items_table(
    classes: Sequence[str], *, run: str | None
) -> tuple[TableWriter, Callable[[SceneSum], dict[str, Any]]]:
    """Return the table of items, which has no rows yet, and what makes a row of a scene."""
    metadata = {"geo": json.dumps(_GEO, sort_keys=True), "stac-geoparquet": json.dumps({"version": "1.1.0"})}
    table = TableWriter(_schema(classes).with_metadata(metadata), group_rows=_GROUP_ROWS)
    return table, lambda scene: _item(scene, run)


def _schema(classes: Sequence[str]) -> pa.Schema:
    by_class = {
        name: pa.struct([(each, kind) for each in (OTHER, *classes)]) for name, kind in _BY_CLASS.items()
    }
    return pa.schema(
        [
            pa.field("type", pa.string(), nullable=False),
            pa.field("stac_version", pa.string(), nullable=False),
            ("stac_extensions", _TEXTS),
            pa.field("id", pa.string(), nullable=False),
            ("geometry", pa.binary()),
            ("bbox", BBOX),
            *((name, _MOMENT) for name in ("datetime", "start_datetime", "end_datetime")),
            *by_class.items(),
            pa.field("valid_pixels", pa.int64(), nullable=False),
            pa.field("windows_done", pa.int64(), nullable=False),
            ("windows_failed", pa.int64()),
            ("proj:code", pa.string()),
            ("proj:wkt2", pa.string()),
            ("proj:shape", pa.list_(pa.field("item", pa.int64()))),
            ("proj:transform", pa.list_(pa.field("item", pa.float64()))),
            ("run", pa.string()),
            ("links", pa.list_(pa.field("item", _LINK))),
            ("assets", pa.struct([(name, _ASSET) for name in ("masks", "statistics", "source")])),
            ("collection", pa.string()),
        ]
    )


def _item(scene: SceneSum, run: str | None) -> dict[str, Any]:
    facts, first = scene.facts, scene.records[0]
    wkb = None if facts["footprint"] is None else bytes.fromhex(facts["footprint"])
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": _EXTENSIONS,
        "id": scene.scene_id,
        "geometry": wkb,
        "bbox": None if wkb is None else bounds_of(wkb),
        **_dates(facts["datetime"]),
        **{name: {record["class_name"]: record[name] for record in scene.records} for name in _BY_CLASS},
        **{name: first[name] for name in ("valid_pixels", "windows_done", "windows_failed")},
        **{f"proj:{name}": facts[name] for name in ("code", "wkt2", "shape", "transform")},
        "run": run,
        "links": [{"href": "run.json", "rel": "via", "type": "application/json", "title": "What made it"}],
        "assets": _assets(scene),
        "collection": None,
    }


def _dates(text: str | None) -> dict[str, Any]:
    """Return the date of a scene, which is the first of a span's two."""
    span = span_of(text)
    if span is None:
        return {}
    first, last = span
    return (
        {"datetime": first}
        if first == last
        else {
            "datetime": first,
            "start_datetime": first,
            "end_datetime": last,
        }
    )


def _assets(scene: SceneSum) -> Mapping[str, Any]:
    here = Output(".").scene(scene.scene_id)
    found = {"source": _asset(scene.facts["uri"], None, "The scene", "source")}
    if scene.is_begun:
        masks, rows = (here.output.path_of(each) for each in (here.masks, here.statistics))
        found["masks"] = _asset(masks, _ZARR, "Class, score and margin of every pixel", "data")
        found["statistics"] = _asset(rows, _PARQUET, "By window and class", "metadata")
    return found


def _asset(href: str | None, kind: str | None, title: str, role: str) -> dict[str, Any] | None:
    return None if href is None else {"href": href, "type": kind, "title": title, "roles": [role]}
