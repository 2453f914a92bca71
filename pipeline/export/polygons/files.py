"""Polygons as files, written batch by batch: GeoParquet, GeoPackage and FlatGeobuf. Equal rows give equal bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import OutputError
from pipeline.export.polygons.table import BBOX, SCHEMA
from pipeline.geometry.crs import projjson

LAYER = "polygons"
_MADE = "1970-01-01T00:00:00.000Z"  # what a GeoPackage has as the time of its last change


def write_geoparquet(path: Path, batches: Iterable[pa.RecordBatch], *, crs: str | None) -> None:
    """Write a GeoParquet 1.1 file of a row group a batch, with a bounding box a row, by which readers skip rows."""
    bounds = np.array([np.inf, np.inf, -np.inf, -np.inf])
    with pq.ParquetWriter(path, SCHEMA, compression="zstd", write_page_index=True) as writer:
        for batch in batches:
            writer.write_batch(batch, row_group_size=max(1, batch.num_rows))
            sides = np.array([batch.column("bbox").field(name) for name in (field.name for field in BBOX)])
            bounds = np.append(
                np.minimum(bounds[:2], sides[:2].min(axis=1)), np.maximum(bounds[2:], sides[2:].max(axis=1))
            )
        writer.add_key_value_metadata({"geo": json.dumps(_geo(crs, bounds), sort_keys=True)})


def write_geopackage(path: Path, batches: Iterable[pa.RecordBatch], *, crs: str | None) -> None:
    """Write a GeoPackage of one layer."""
    _write_by_gdal(path, batches, crs=crs, driver="GPKG")


def write_flatgeobuf(path: Path, batches: Iterable[pa.RecordBatch], *, crs: str | None) -> None:
    """Write a FlatGeobuf, whose index has the rows in an order of its own."""
    _write_by_gdal(path, batches, crs=crs, driver="FlatGeobuf")


Write = Callable[..., None]

WRITERS: Mapping[str, Write] = {
    "parquet": write_geoparquet,
    "gpkg": write_geopackage,
    "fgb": write_flatgeobuf,
}
"""What writes polygons, by the suffix of its files."""


def feature_count(path: Path) -> int:
    """Return how many polygons a file has that GDAL reads."""
    import pyogrio  # noqa: PLC0415 - as below

    return int(pyogrio.read_info(path, force_feature_count=True)["features"])


def _geo(crs: str | None, bounds: np.ndarray) -> dict[str, object]:
    column: dict[str, object] = {
        "encoding": "WKB",
        "geometry_types": ["Polygon"],
        "crs": None if crs is None else projjson(crs),
        "orientation": "counterclockwise",
        "covering": {"bbox": {field.name: ["bbox", field.name] for field in BBOX}},
    }
    if np.isfinite(bounds).all():
        column["bbox"] = bounds.tolist()
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}


def _write_by_gdal(path: Path, batches: Iterable[pa.RecordBatch], *, crs: str | None, driver: str) -> None:
    import pyogrio  # noqa: PLC0415 - a second GDAL, wanted for these files alone
    from pyogrio.errors import DataSourceError  # noqa: PLC0415

    columns = [name for name in SCHEMA.names if name != "bbox"]
    schema = pa.schema([SCHEMA.field(name) for name in columns])
    rows = pa.RecordBatchReader.from_batches(schema, (batch.select(columns) for batch in batches))
    with _fixed_date():
        try:
            pyogrio.write_arrow(
                rows,
                path,
                layer=LAYER,
                driver=driver,
                geometry_name="geometry",
                geometry_type="Polygon",
                crs=crs,
            )
        except DataSourceError as error:
            raise OutputError(f"cannot write {path.name}: {error}") from error


@contextmanager
def _fixed_date() -> Iterator[None]:
    import pyogrio  # noqa: PLC0415 - as above

    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _MADE})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})
