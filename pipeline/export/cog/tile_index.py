"""The door to pyogrio for GDAL's tile indices: a GeoPackage that GDAL opens as a raster."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pyogrio
import pyogrio.raw
import shapely

from pipeline.geometry.rings import Ring

LAYER = "scenes"
_DATE = {"OGR_CURRENT_DATE": "2000-01-01T00:00:00.000Z"}
"""The date that a GeoPackage says it was changed at: always the same, as all else in it is."""

_UTC = 100  # GDAL's number of the zone


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedTile:
    """A row of an index.

    ``outline`` is the raster's extent in the index's reference system, None where it has no place there: then it is
    listed, and no part of the mosaic. ``location`` is relative to the index; tiles of a higher ``z_order`` are on top.
    """

    outline: Ring | None
    location: str
    scene_id: str
    datetime: datetime | None
    uri: str | None
    windows_done: int
    windows_missing: int | None
    z_order: int


def write_index(path: Path, rows: Sequence[IndexedTile], *, crs_wkt: str, about: ET.Element) -> None:
    """Write an index; ``about`` is GDAL's description of the mosaic that it is. The same rows give the same bytes.

    Raises:
        OSError: the disk refused.
    """
    names = [field.name for field in fields(IndexedTile) if field.name != "outline"]
    columns = [_column([getattr(row, name) for row in rows]) for name in names]
    with _dated():
        pyogrio.raw.write(
            str(path),
            shapely.to_wkb(np.array([_polygon(row.outline) for row in rows], dtype=object)),
            [values for values, _ in columns],
            names,
            field_mask=[missing for _, missing in columns],
            layer=LAYER,
            driver="GPKG",
            geometry_type="Polygon",
            crs=crs_wkt,
            layer_metadata={"LOCATION_FIELD": "location"},
            gdal_tz_offsets={"datetime": np.full(len(rows), _UTC)},
        )
    _describe(path, about)


def _column(values: Sequence[Any]) -> tuple[np.ndarray, np.ndarray | None]:
    """Return values as an array, and which of them are missing where some may be."""
    missing = np.array([value is None for value in values])
    kinds = {type(value) for value in values if value is not None} or {str}
    if datetime in kinds:
        naive = [None if value is None else value.replace(tzinfo=None) for value in values]
        return np.array(naive, dtype="datetime64[ms]"), None
    if kinds == {int}:
        return np.array([0 if value is None else value for value in values], dtype=np.int64), missing
    return np.array(values, dtype=object), None


def _polygon(ring: Ring | None) -> shapely.Polygon | None:
    return None if ring is None else shapely.Polygon(ring)


def _describe(path: Path, about: ET.Element) -> None:
    """Put GDAL's description of the mosaic where it looks for it: pyogrio writes metadata of no domain alone."""
    root = ET.Element("GDALMultiDomainMetadata")
    ET.SubElement(root, "Metadata", domain="xml:GTI", format="xml").append(about)
    with closing(sqlite3.connect(path)) as index, index:
        index.execute("UPDATE gpkg_metadata SET metadata = ?", (ET.tostring(root, encoding="unicode"),))


@contextmanager
def _dated() -> Iterator[None]:
    before = {name: pyogrio.get_gdal_config_option(name) for name in _DATE}
    pyogrio.set_gdal_config_options(_DATE)
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options(before)
