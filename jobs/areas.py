"""The area of interest that a user names: its text, four numbers, or the file or object that holds it."""

import re

from pipeline import aoi, objects
from pipeline.aoi import Aoi
from pipeline.errors import ConfigError, PipelineError

_LIMIT_BYTES = 128 * 2**20
_TEXT = re.compile(r"\s*+(\{|SRID=|(MULTI)?POLYGON|[-+.\d]++\s*+,|[^{]+?;\[\[\[)", re.IGNORECASE)


def area_of(value: object) -> Aoi:
    """Read an area. Raises ConfigError when it cannot be read or is none."""
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    if _TEXT.match(text):
        return aoi.parse(text)
    data = _read(text)
    if text.lower().endswith(".gpkg"):
        return aoi.of_geopackage(data)
    if text.lower().endswith(".shp"):
        return aoi.of_shapefile(data, crs=_projection(text))
    try:
        return aoi.parse(data.decode())
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"cannot read aoi from {text}: expected GeoJSON, WKT, a GeoPackage (.gpkg) or a Shapefile (.shp)"
        ) from error


def _read(uri: str) -> bytes:
    try:
        return objects.get_document(uri, limit_bytes=_LIMIT_BYTES)
    except (OSError, PipelineError) as error:
        raise ConfigError(f"cannot read aoi from {uri}: {error}") from error


def _projection(uri: str) -> str:
    """Return the CRS of a Shapefile, as WKT of ESRI's or OGC's."""
    beside = uri[:-4] + (".PRJ" if uri.endswith("SHP") else ".prj")
    try:
        return _read(beside).decode().strip()
    except (ConfigError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the Shapefile {uri} states no CRS, {beside} is missing or no text: save it with one"
        ) from error
