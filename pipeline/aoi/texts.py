"""An area of interest from a text: a box, WKT or GeoJSON."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pipeline.errors import ConfigError
from pipeline.geometry.aoi import EXPECTED, Aoi, Polygon
from pipeline.storage.documents import json_of

_LONGITUDE_LATITUDE = "OGC:CRS84"
_GEOGRAPHIC = re.compile(r"OGC:CRS84|EPSG:4\d{3}")  # EPSG has those by which boxes are given in its 4000s
_HALF_TURN, _TURN = 180.0, 360.0
_STORED = ";[[["
_WKT_LEVELS = 4  # a list of polygons, of rings, of corners, and around it
_PART = re.compile(r"[(),]|[^\s(),]+")


def parse(text: str) -> Aoi:
    """Read an area of interest from its text.

    >>> parse("SRID=32633;500000,0,500010,20").polygons[0][0][2]
    (500010.0, 20.0)

    Raises:
        ConfigError: it is none of the known forms.
    """
    stored, rings, corners = text.partition(_STORED)  # the CRS may be WKT of a Shapefile
    if stored and rings and corners.endswith("]]]"):
        return Aoi(crs=stored, polygons=tuple(_of_stored(f"{rings[1:]}{corners}", text)))
    text = text.removeprefix("\ufeff")
    found = re.match(r"\s*SRID=(\d+);", text, re.IGNORECASE)
    crs = f"EPSG:{found[1]}" if found else _LONGITUDE_LATITUDE
    body = text[found.end() if found else 0 :].strip()
    if body.startswith("{"):
        return _of_geojson(body, crs)
    if re.match(r"(MULTI)?POLYGON", body, re.IGNORECASE):
        return Aoi(crs=crs, polygons=tuple(_of_wkt(body)))
    return Aoi(crs=crs, polygons=(_of_box(body, geographic=_GEOGRAPHIC.fullmatch(crs) is not None),))


def _of_stored(rings: str, text: str) -> Iterator[Polygon]:
    try:
        yield from map(_polygon, json_of(rings))
    except (TypeError, ValueError, OverflowError):
        raise ConfigError(f"aoi is {text[:80]!r}: {EXPECTED}") from None


def _of_box(text: str, *, geographic: bool) -> Polygon:
    """Read a box; one from an eastern to a western longitude lies across the antimeridian (RFC 7946, 5.2)."""
    try:
        x_min, y_min, x_max, y_max = (float(part) for part in re.split(r"[,\s]+", text))
    except ValueError:
        raise ConfigError(f"aoi is {text[:80]!r}: {EXPECTED}") from None
    if geographic and -_HALF_TURN <= x_max < 0 < x_min <= _HALF_TURN:
        x_max += _TURN
    if x_min >= x_max or y_min >= y_max:
        raise ConfigError(f"aoi is a box of no area, {text!r}: {EXPECTED}")
    # No edge of a box is to look as if it went the other way round the earth.
    pieces = 3 if geographic and _HALF_TURN < x_max - x_min < _TURN else 1
    xs = [x_min + (x_max - x_min) * index / pieces for index in range(pieces)] + [x_max]
    return (tuple((x, y_min) for x in xs) + tuple((x, y_max) for x in reversed(xs)),)


def _of_wkt(text: str) -> Iterator[Polygon]:
    head, bracket, body = text.partition("(")
    try:
        nested = _nested(bracket + body)
        for polygon in nested if head.upper().startswith("MULTI") else [nested]:
            yield _polygon(polygon)
    except (TypeError, ValueError, OverflowError):
        raise ConfigError(f"aoi is {text[:80]!r}, which is no WKT: {EXPECTED}") from None


def _nested(text: str) -> list[Any]:
    """Read WKT's nested lists of corners, each character once: ((0 0, 1 0, 1 1)) is [[[0, 0], [1, 0], [1, 1]]]."""
    root: list[Any] = []
    around, corner = [root], list[float]()
    for part in _PART.findall(text):
        if part not in "(),":
            corner.append(float(part))
            continue
        if corner:
            around[-1].append(corner)
            corner = []
        if part == "(":
            around[-1].append([])
            around.append(around[-1][-1])
        elif part == ")":
            around.pop()
        if not 1 <= len(around) <= _WKT_LEVELS:
            raise ValueError(text[:80])
    if len(root) != 1 or len(around) != 1 or corner:
        raise ValueError(text[:80])
    nested: list[Any] = root[0]
    return nested


def _of_geojson(text: str, crs: str) -> Aoi:
    try:
        document = json_of(text)
        named = _named_crs(document.get("crs") or {}) or crs
        return Aoi(crs=named, polygons=tuple(polygon for polygon in _polygons(document) if polygon))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        raise ConfigError(f"aoi begins {text[:80]!r}, which is no GeoJSON of polygons: {EXPECTED}") from None


def _named_crs(crs: dict[str, Any]) -> str | None:
    """Return the CRS that a document names, the way before RFC 7946; None where it names none."""
    properties = crs.get("properties") or {}
    if crs.get("type") == "EPSG":
        return f"EPSG:{int(properties['code'])}"
    if crs.get("type") == "link":
        raise ConfigError(f"aoi has its CRS elsewhere, at {properties.get('href')}: name it, or leave it out")
    name = properties.get("name")
    return None if name is None else str(name)


def _polygons(document: dict[str, Any] | None) -> Iterator[Polygon]:
    """Yield the polygons of a document; what is null has none."""
    if document is None:
        return
    kind = document["type"]
    if kind == "FeatureCollection":
        for feature in document["features"] or []:
            yield from _polygons(feature)
    elif kind == "Feature":
        yield from _polygons(document.get("geometry"))
    elif kind == "GeometryCollection":
        for geometry in document["geometries"] or []:
            yield from _polygons(geometry)
    elif kind == "MultiPolygon":
        yield from map(_polygon, document["coordinates"])
    elif kind == "Polygon":
        yield _polygon(document["coordinates"])
    else:
        raise ConfigError(f"aoi holds a {kind}: {EXPECTED}")


def _polygon(rings: list[Any]) -> Polygon:
    return tuple(tuple((float(x), float(y)) for x, y, *_ in ring) for ring in rings)
