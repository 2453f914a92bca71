"""Read a user's own polygons from any vector file, and refuse what would give wrong areas."""

from __future__ import annotations

import glob
import hashlib
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow as pa
import pyogrio
import shapely

from pipeline.errors import ConfigError
from pipeline.export.zones.values import Zones
from pipeline.known_warnings import silenced

_POLYGON, _MULTIPOLYGON = 3, 6
_PARQUET = (".parquet", ".geoparquet", ".pq")
_MOST_DEG = (360.0 + 1e-6, 90.0 + 1e-6)  # of a longitude, of a latitude
_ROWS_SHOWN = 5


def read_zones(path: str, *, id_column: str | None = None) -> Zones:
    """Read all polygons of a vector file that GDAL or geopandas knows, with the ids in ``id_column``.

    Without one their ids are the numbers of their rows, from 0. Polygons that are not valid, such as those that cross
    themselves, are made valid by the even-odd rule, as they are drawn.

    Raises:
        ConfigError: it cannot be read, has several layers, no CRS, a CRS without a place on earth, no polygons or
            something else beside them, or ids that are missing or not unique.
    """
    frame = _frame(path)
    _check_polygons(path, frame)
    _check_crs(path, frame)
    polygons = shapely.force_2d(np.asarray(frame.geometry.values))
    invalid = np.flatnonzero(~shapely.is_valid(polygons))
    polygons[invalid] = [_made_valid(path, int(row), polygons[row]) for row in invalid]
    return Zones(_ids(path, frame, id_column), polygons, frame.crs, tuple(map(int, invalid)))


def file_digest(path: str) -> str:
    """Return the SHA-256 of a vector file: of a Shapefile's parts and of all files in a folder, by name.

    Raises:
        ConfigError: there is none.
    """
    given = Path(path)
    if not given.exists():
        raise _missing(path)
    parts = given.rglob("*") if given.is_dir() else [given]
    if given.suffix.lower() == ".shp":
        parts = given.parent.glob(f"{glob.escape(given.stem)}.*")
    found = hashlib.sha256()
    for part in sorted(each for each in parts if each.is_file()):
        with part.open("rb") as content:
            found.update(f"{part.name} {hashlib.file_digest(content, 'sha256').hexdigest()}\n".encode())
    return found.hexdigest()


def _missing(path: str) -> ConfigError:
    return ConfigError(f"there are no zones at {path}: give a vector file that all machines see there")


def _frame(path: str) -> Any:  # noqa: ANN401 - geopandas has no types
    if not Path(path).exists():
        raise _missing(path)
    try:
        if path.lower().endswith(_PARQUET):
            return geopandas.read_parquet(path)
        return _layer(path, [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None])
    except ConfigError:
        raise
    except Exception as error:  # drivers of a hundred formats raise what they will
        raise ConfigError(
            f"cannot read zones from {path}: {error}. Expected polygons in a GeoPackage, a Shapefile, GeoJSON, "
            "GeoParquet or another file that GDAL reads"
        ) from error


def _layer(path: str, layers: list[str]) -> Any:  # noqa: ANN401
    if len(layers) != 1:
        raise ConfigError(
            f"zones in {path} are in the layers {', '.join(layers) or 'none'}: expected one, save it by itself"
        )
    # GDAL warns of rings that it turns, and of fields that it makes texts of
    with silenced(RuntimeWarning):
        return geopandas.read_file(path, layer=layers[0], engine="pyogrio", on_invalid="raise")


def _check_polygons(path: str, frame: Any) -> None:  # noqa: ANN401
    if not isinstance(frame, geopandas.GeoDataFrame) or not len(frame):
        raise ConfigError(f"zones in {path} have no polygon: expected one or more")
    geometries = np.asarray(frame.geometry.values)
    empty = shapely.is_missing(geometries) | shapely.is_empty(geometries)
    if empty.any():
        raise ConfigError(f"zones in {path} have no geometry {_rows(empty)}: remove what has none")
    others = ~np.isin(shapely.get_type_id(geometries), (_POLYGON, _MULTIPOLYGON))
    if others.any():
        kind = geometries[others.argmax()].geom_type
        raise ConfigError(f"zones in {path} have a {kind} {_rows(others)}: expected polygons alone")
    endless = ~np.isfinite(shapely.bounds(geometries)).all(axis=1)
    if endless.any():
        raise ConfigError(f"zones in {path} have a corner that is not a finite number {_rows(endless)}")


def _check_crs(path: str, frame: Any) -> None:  # noqa: ANN401
    if frame.crs is None:
        raise ConfigError(f"zones in {path} state no CRS: save them with one")
    try:
        geopandas.GeoSeries([shapely.Point(0, 0)], crs=frame.crs).to_crs("OGC:CRS84")
    except Exception as error:  # pyproj's own, whose door is elsewhere
        raise ConfigError(
            f"zones in {path} are in the CRS {frame.crs.name!r}, which has no place on earth: {error}"
        ) from error
    if frame.crs.is_geographic and "degree" in frame.crs.axis_info[0].unit_name:
        bounds = np.abs(shapely.bounds(np.asarray(frame.geometry.values))).reshape(-1, 2, 2)
        beyond = (bounds > np.array(_MOST_DEG)).any(axis=(1, 2))
        if beyond.any():
            raise ConfigError(
                f"zones in {path} are said to be in longitude and latitude ({frame.crs.name}), and have others "
                f"{_rows(beyond)}: save them with their CRS"
            )


def _made_valid(path: str, row: int, polygon: Any) -> Any:  # noqa: ANN401
    found = shapely.make_valid(polygon, method="linework")
    parts = [part for part in shapely.get_parts(found) if shapely.get_dimensions(part) == 2]  # noqa: PLR2004 - areas
    pieces = [one for part in parts for one in shapely.get_parts(part)]
    if not pieces:
        raise ConfigError(f"zones in {path} have a polygon of no area in row {row}: remove it")
    return pieces[0] if len(pieces) == 1 else shapely.multipolygons(pieces)


def _ids(path: str, frame: Any, column: str | None) -> pa.Array:  # noqa: ANN401
    if column is None:
        return pa.array(np.arange(len(frame)), pa.int64())
    if column not in frame.columns or column == frame.geometry.name:
        named = ", ".join(str(name) for name in frame.columns if name != frame.geometry.name) or "none"
        raise ConfigError(f"zones in {path} have no column {column!r} of ids: they have {named}")
    values = frame[column]
    if values.isna().any():
        raise ConfigError(f"zones in {path} have no {column} {_rows(values.isna().to_numpy())}")
    whole = values.dtype.kind in "iu"
    ids = values.astype("int64").tolist() if whole else [_text(value) for value in values]
    twice = values.duplicated().to_numpy() if whole else ~_first(ids)
    if twice.any():
        raise ConfigError(
            f"zones in {path} have a {column} that is not the first of its kind {_rows(twice)}, "
            f"{ids[int(twice.argmax())]!r}: name a column of ids that are unique, or leave --zone-id out"
        )
    return pa.array(ids, pa.int64() if whole else pa.string())


def _text(value: object) -> str:
    """Return an id as text; of a whole number that a file has as a float without its point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _first(ids: list[str]) -> np.ndarray:
    """Return which ids are the first of their kind."""
    first = np.zeros(len(ids), np.bool_)
    first[list({each: row for row, each in reversed(list(enumerate(ids)))}.values())] = True
    return first


def _rows(wrong: np.ndarray) -> str:
    rows = np.flatnonzero(wrong)
    more = f" and {len(rows) - _ROWS_SHOWN} more" if len(rows) > _ROWS_SHOWN else ""
    return f"in row {', '.join(map(str, rows[:_ROWS_SHOWN]))}{more}"
