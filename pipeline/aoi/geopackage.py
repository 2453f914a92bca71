"""The polygons of a GeoPackage: a SQLite file with geometries as WKB behind a small header (OGC 12-128r19, 2.1).

WKB is that of ISO 13249-3 (OGC 06-103r4, 8): 1000, 2000 and 3000 are added to a kind with z, m or both.
"""

from __future__ import annotations

import sqlite3
import struct
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from pipeline.errors import ConfigError
from pipeline.geometry.aoi import MOST_CORNERS, Aoi, Polygon, Ring

_SQLITE = b"SQLite format 3\0"
_ENVELOPE_BYTES = (0, 32, 48, 48, 64)
_HEADER_BYTES = 8
_WITHIN_S = 60.0
_STEPS = 100_000  # of SQLite between two readings of the clock
_EMPTY = 0b10000
_POLYGON, _MULTIPOLYGON = 3, 6
_KINDS = {1: "points", 2: "lines", 4: "points", 5: "lines", 7: "a collection", 10: "curves", 12: "curves"}


def of_geopackage(data: bytes) -> Aoi:
    """Return all polygons of a GeoPackage of one layer.

    It is read in memory: SQLite would write beside a file that is open elsewhere.

    Raises:
        ConfigError: it is damaged, has not just one layer, states no CRS, or holds what is no polygon.
    """
    if not data.startswith(_SQLITE):
        raise ConfigError("aoi is a damaged GeoPackage: it does not begin as one")
    try:
        with closing(sqlite3.connect(":memory:")) as database:
            database.deserialize(data)
            _limit(database, length_bytes=len(data))
            table, column, srs = _layer(database)
            found = database.execute(f"SELECT {_quoted(column)} FROM {_quoted(table)}")  # noqa: S608 - quoted names
            polygons = (polygon for (geometry,) in found if geometry for polygon in _polygons(geometry))
            return Aoi(crs=_crs(database, srs), polygons=tuple(_few(polygons)))
    except (sqlite3.Error, struct.error, IndexError, TypeError, RecursionError) as error:
        raise ConfigError(f"aoi is a damaged GeoPackage, or one that is open elsewhere: {error}") from error


def _limit(database: sqlite3.Connection, *, length_bytes: int) -> None:
    """Have what is no table but a view end: of a value's bytes by those of the file, of its rows by time."""
    end_s = time.monotonic() + _WITHIN_S
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, length_bytes)
    database.set_progress_handler(lambda: time.monotonic() > end_s, _STEPS)


def _layer(database: sqlite3.Connection) -> tuple[str, str, int]:
    """Return the table, the column and the spatial reference system of the only layer of features."""
    layers = database.execute(
        "SELECT c.table_name, g.column_name, g.srs_id FROM gpkg_contents c JOIN gpkg_geometry_columns g "
        "ON c.table_name = g.table_name WHERE c.data_type = 'features' ORDER BY c.table_name"
    ).fetchall()
    if len(layers) != 1:
        names = ", ".join(str(layer[0]) for layer in layers) or "none"
        raise ConfigError(f"aoi is a GeoPackage of the layers {names}: expected one, save it by itself")
    table, column, srs = layers[0]
    return str(table), str(column), int(srs)


def _few(polygons: Iterator[Polygon]) -> Iterator[Polygon]:
    """Yield polygons, and end where there are more than any area has."""
    corners = 0
    for polygon in polygons:
        corners += sum(map(len, polygon))
        yield polygon
        if corners > MOST_CORNERS:
            return


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _crs(database: sqlite3.Connection, srs: int) -> str:
    found = database.execute(
        "SELECT organization, organization_coordsys_id, definition FROM gpkg_spatial_ref_sys WHERE srs_id = ?",
        (srs,),
    ).fetchone()
    if found is None or srs <= 0:
        raise ConfigError("aoi is a GeoPackage that states no CRS: save it with one")
    organization, number, definition = found
    return f"EPSG:{number}" if str(organization).upper() == "EPSG" else str(definition)


def _polygons(geometry: bytes) -> Iterator[Polygon]:
    if geometry[:2] != b"GP" or geometry[3] >> 1 & 7 >= len(_ENVELOPE_BYTES):
        raise ConfigError("aoi is a GeoPackage with a geometry that is none of its standard")
    if not geometry[3] & _EMPTY:
        yield from _Wkb(geometry, _HEADER_BYTES + _ENVELOPE_BYTES[geometry[3] >> 1 & 7]).polygons()


class _Wkb:
    """Reads well-known binary from an offset on."""

    def __init__(self, data: bytes, offset: int) -> None:
        self._data, self._offset, self._order = data, offset, "<"

    def polygons(self) -> Iterator[Polygon]:
        self._order = "<" if self._data[self._offset] else ">"
        self._offset += 1
        (code,) = self._take("I")
        dimensions, kind = divmod(code, 1000)
        if kind not in (_POLYGON, _MULTIPOLYGON) or dimensions > 3:  # noqa: PLR2004 - z, m, both
            raise ConfigError(
                f"aoi holds {_KINDS.get(kind, f'a geometry of kind {code}')}: expected polygons"
            )
        (count,) = self._take("I")
        if kind == _MULTIPOLYGON:
            for _ in range(count):
                yield from self.polygons()
        else:
            numbers = (2, 3, 3, 4)[dimensions]
            rings = tuple(self._ring(numbers) for _ in range(count))
            if rings:
                yield rings

    def _ring(self, numbers: int) -> Ring:
        (count,) = self._take("I")
        values = self._take(f"{count * numbers}d")
        return tuple(zip(values[::numbers], values[1::numbers], strict=True))

    def _take(self, form: str) -> tuple[Any, ...]:
        shape = struct.Struct(self._order + form)
        found = shape.unpack_from(self._data, self._offset)
        self._offset += shape.size
        return found
