"""The table of zones: a row for each class of each zone of each scene, as GeoParquet 1.1.

A zone of which a scene has no valid pixel has rows too, with a share of null: it is not one without water, but one of
which nothing is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from pipeline.export.scenes import ExportScene
from pipeline.export.zones.counting import Sums
from pipeline.export.zones.placing import areas_m2
from pipeline.export.zones.values import Zones
from pipeline.storage import objects
from pipeline.storage.location import Location

_BATCH_ROWS = 50_000
_KINDS = {3: "Polygon", 6: "MultiPolygon"}


def schema(zones: Zones, indices: np.ndarray) -> pa.Schema:
    """Return the columns of a table of the zones at ``indices``, with the metadata that GeoParquet wants."""
    geometries = zones.polygons[indices]
    column = {
        "encoding": "WKB",
        "geometry_types": [_KINDS[kind] for kind in np.unique(shapely.get_type_id(geometries)).tolist()],
        "crs": zones.crs.to_json_dict(),
    }
    if len(geometries):
        column["bbox"] = shapely.total_bounds(geometries).tolist()
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    fields = [
        pa.field("zone_id", zones.ids.type, nullable=False),
        pa.field("scene_id", pa.string(), nullable=False),
        pa.field("datetime", pa.string()),
        pa.field("class_id", pa.int64(), nullable=False),
        pa.field("class_name", pa.string(), nullable=False),
        pa.field("pixels", pa.float64(), nullable=False),
        pa.field("area_m2", pa.float64(), nullable=False),
        pa.field("share", pa.float64()),
        pa.field("valid_pixels", pa.float64(), nullable=False),
        pa.field("valid_m2", pa.float64(), nullable=False),
        pa.field("zone_m2", pa.float64(), nullable=False),
        pa.field("covered_share", pa.float64(), nullable=False),
        pa.field("windows_missing", pa.int64()),
        pa.field("geometry", pa.binary(), nullable=False),
    ]
    return pa.schema(fields, metadata={"geo": json.dumps(geo, sort_keys=True)})


def write_scene(path: Path, scene: ExportScene, zones: Zones, sums: Sums) -> int:
    """Write the table of the zones that a scene touches, in the order of their file; returns how many these are."""
    touched = np.unique(sums.zones)
    columns = schema(zones, touched)
    zone_m2 = areas_m2(zones, touched)
    with _writer(path, columns) as writer:
        each = max(1, _BATCH_ROWS // len(scene.chosen))
        for start in range(0, len(touched), each):
            part = slice(start, start + each)
            writer.write_table(_rows(scene, zones, sums, touched[part], zone_m2[part]).cast(columns))
    return len(touched)


def write_all(path: Path, tables: Sequence[Location]) -> None:
    """Write the rows of tables one after the other as one table."""
    with _writer(path, _joined([_schema_of(each) for each in tables])) as writer:
        for each in tables:
            with objects.opened_object(each) as content:
                for batch in pq.ParquetFile(content).iter_batches(_BATCH_ROWS):
                    writer.write_batch(batch.cast(writer.schema))


def _schema_of(table: Location) -> pa.Schema:
    with objects.opened_object(table) as content:
        return pq.ParquetFile(content).schema_arrow


@contextmanager
def _writer(path: Path, columns: pa.Schema) -> Iterator[pq.ParquetWriter]:
    with pq.ParquetWriter(path, columns, compression="zstd") as writer:
        yield writer


def _rows(scene: ExportScene, zones: Zones, sums: Sums, touched: np.ndarray, zone_m2: np.ndarray) -> pa.Table:
    """Return the rows of the zones ``touched``: of each the chosen classes, by class id."""
    chosen = np.array(scene.chosen)
    pixels, area = _dense(scene, sums, touched)
    valid_pixels, valid_m2 = pixels.sum(axis=1), area.sum(axis=1)
    share = np.divide(area, valid_m2[:, None], out=np.full(area.shape, np.nan), where=valid_m2[:, None] > 0)
    ids, size = len(chosen), len(chosen) * len(touched)
    names = pa.array([scene.classes[id_] for id_ in chosen])
    values: dict[str, Any] = {
        "zone_id": zones.ids.take(pa.array(np.repeat(touched, ids))),
        "scene_id": pa.repeat(scene.scene_id, size),
        "datetime": pa.repeat(pa.scalar(scene.store.datetime, pa.string()), size),
        "class_id": np.tile(chosen, len(touched)),
        "class_name": names.take(pa.array(np.tile(np.arange(ids), len(touched)))),
        "pixels": pixels[:, chosen].ravel(),
        "area_m2": area[:, chosen].ravel(),
        "share": pa.array(share[:, chosen].ravel(), from_pandas=True),
        "valid_pixels": np.repeat(valid_pixels, ids),
        "valid_m2": np.repeat(valid_m2, ids),
        "zone_m2": np.repeat(zone_m2, ids),
        "covered_share": np.repeat(valid_m2 / zone_m2, ids),
        "windows_missing": pa.repeat(pa.scalar(scene.windows_missing, pa.int64()), size),
        "geometry": pa.array(shapely.to_wkb(zones.polygons[touched])).take(
            pa.array(np.repeat(np.arange(len(touched)), ids))
        ),
    }
    return pa.table(values)


def _dense(scene: ExportScene, sums: Sums, touched: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return pixels and areas of (zone, class id) of consecutive zones that a scene touches, without no data."""
    here = slice(*np.searchsorted(sums.zones, [touched[0], touched[-1] + 1]))
    ids = sums.class_ids[here]
    valid = ids != scene.nodata
    where = np.searchsorted(touched, sums.zones[here][valid]), ids[valid]
    pixels, area = np.zeros((2, len(touched), len(scene.classes)))
    pixels[where], area[where] = sums.pixels[here][valid], sums.areas_m2[here][valid]
    return pixels, area


def _joined(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """Return the schema of several tables: bounds and kinds of geometry are those of all."""
    documents = [json.loads(each.metadata[b"geo"]) for each in schemas]
    columns = [document["columns"]["geometry"] for document in documents]
    boxes = np.array([column["bbox"] for column in columns if "bbox" in column])
    joined = columns[0] | {
        "geometry_types": sorted({kind for column in columns for kind in column["geometry_types"]})
    }
    if len(boxes):
        joined["bbox"] = [*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist()]
    geo = documents[0] | {"columns": {"geometry": joined}}
    return schemas[0].with_metadata({"geo": json.dumps(geo, sort_keys=True)})
