"""The area of interest that a user names: its text, four numbers, or the file or object that holds it."""

import codecs
import re

from pipeline import aoi, raster
from pipeline.errors import ConfigError, PipelineError
from pipeline.geometry.aoi import Aoi
from pipeline.storage import objects
from pipeline.storage.location import Location

_LIMIT_BYTES = 128 * 2**20
_TEXT = re.compile(
    r"\s*+(\{|SRID=|(MULTI)?POLYGON|[-+.\d][-+.\dE]*+(\s*+,|\s++[-+.\d])|[^{]+?;\[\[\[)", re.IGNORECASE
)


def area_of(value: object) -> Aoi:
    """Read an area. Raises ConfigError when it cannot be read, is none, or is in a CRS that nobody knows."""
    found = _area_of(value)
    if not raster.knows_crs(found.crs):
        raise ConfigError(
            f"aoi is in a CRS that is not known, {found.crs[:80]!r}: give one such as EPSG:32633"
        )
    return found


def _area_of(value: object) -> Aoi:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value).removeprefix("\ufeff")
    if _TEXT.match(text):
        return aoi.parse(text)
    data = _read(text)
    if text.lower().endswith(".gpkg"):
        return aoi.of_geopackage(data)
    if text.lower().endswith(".shp"):
        return aoi.of_shapefile(data, crs=_projection(text))
    try:
        return aoi.parse(_decoded(data))
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"cannot read aoi from {text}: expected GeoJSON, WKT, a GeoPackage (.gpkg) or a Shapefile (.shp)"
        ) from error


def _read(uri: str) -> bytes:
    try:
        return objects.get_document(Location(uri), limit_bytes=_LIMIT_BYTES)
    except (OSError, PipelineError) as error:
        raise ConfigError(f"cannot read aoi from {uri}: {error}") from error


def _decoded(data: bytes) -> str:
    """Return a text that may begin with a byte order mark, as editors of Windows have it."""
    return data.decode(
        "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    )


def _projection(uri: str) -> str:
    """Return the CRS of a Shapefile, as WKT of ESRI's or OGC's."""
    beside = uri[:-4] + (".PRJ" if uri.endswith("SHP") else ".prj")
    try:
        return _decoded(_read(beside)).strip()
    except (ConfigError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the Shapefile {uri} states no CRS, {beside} is missing or no text: save it with one"
        ) from error
