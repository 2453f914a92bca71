"""An area of interest from a text: a box, WKT or GeoJSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pipeline.aoi.area import EXPECTED, Aoi, Polygon
from pipeline.errors import ConfigError

_LONGITUDE_LATITUDE = "OGC:CRS84"
_STORED = re.compile(r"(.+?);(\[\[\[.*\]\]\])", re.DOTALL)  # the CRS may be WKT of a Shapefile


def parse(text: str) -> Aoi:
    """Read an area of interest from its text.

    >>> parse("SRID=32633;500000,0,500010,20").polygons[0][0][2]
    (500010.0, 20.0)

    Raises:
        ConfigError: it is none of the known forms.
    """
    if stored := _STORED.fullmatch(text):
        return Aoi(crs=stored[1], polygons=tuple(map(_polygon, json.loads(stored[2]))))
    found = re.fullmatch(r"\s*(?:SRID=(\d+);)?\s*(.*?)\s*", text, re.DOTALL | re.IGNORECASE)
    if found is None:
        raise ConfigError(f"aoi is {text[:80]!r}: {EXPECTED}")
    crs = f"EPSG:{found[1]}" if found[1] else _LONGITUDE_LATITUDE
    body = found[2]
    if body.startswith("{"):
        return _of_geojson(body, crs)
    if re.match(r"(MULTI)?POLYGON", body, re.IGNORECASE):
        return Aoi(crs=crs, polygons=tuple(_of_wkt(body)))
    return Aoi(crs=crs, polygons=(_of_box(body),))


def _of_box(text: str) -> Polygon:
    try:
        x_min, y_min, x_max, y_max = (float(part) for part in re.split(r"[,\s]+", text))
    except ValueError:
        raise ConfigError(f"aoi is {text[:80]!r}: {EXPECTED}") from None
    if x_min >= x_max or y_min >= y_max:
        raise ConfigError(f"aoi is a box of no area, {text!r}: {EXPECTED}")
    return (((x_min, y_min), (x_max, y_min), (x_max, y_max), (x_min, y_max)),)


def _of_wkt(text: str) -> Iterator[Polygon]:
    """Read WKT's nested lists as JSON: POLYGON ((0 0, 1 0, 1 1)) is [[[0,0],[1,0],[1,1]]]."""
    head, _, body = text.partition("(")
    number = r"[-+0-9.eE]+"
    corner = re.compile(rf"({number})\s+({number})(?:\s+{number})*")
    try:
        corners = corner.sub(lambda found: f"[{float(found[1])},{float(found[2])}]", f"({body}")
        nested = json.loads(corners.replace("(", "[").replace(")", "]"))
        for polygon in nested if head.upper().startswith("MULTI") else [nested]:
            yield _polygon(polygon)
    except (json.JSONDecodeError, TypeError, ValueError):
        raise ConfigError(f"aoi is {text[:80]!r}, which is no WKT: {EXPECTED}") from None


def _of_geojson(text: str, crs: str) -> Aoi:
    try:
        document = json.loads(text)
        named = document.get("crs", {}).get("properties", {}).get("name", crs)  # the way before RFC 7946
        return Aoi(crs=named, polygons=tuple(_polygons(document)))
    except (json.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
        raise ConfigError(f"aoi begins {text[:80]!r}, which is no GeoJSON of polygons: {EXPECTED}") from None


def _polygons(document: dict[str, Any]) -> Iterator[Polygon]:
    kind = document["type"]
    if kind == "FeatureCollection":
        for feature in document["features"]:
            yield from _polygons(feature)
    elif kind == "Feature":
        yield from _polygons(document["geometry"])
    elif kind == "GeometryCollection":
        for geometry in document["geometries"]:
            yield from _polygons(geometry)
    elif kind == "MultiPolygon":
        yield from map(_polygon, document["coordinates"])
    elif kind == "Polygon":
        yield _polygon(document["coordinates"])
    else:
        raise ConfigError(f"aoi holds a {kind}: {EXPECTED}")


def _polygon(rings: list[Any]) -> Polygon:
    return tuple(tuple((float(x), float(y)) for x, y, *_ in ring) for ring in rings)
