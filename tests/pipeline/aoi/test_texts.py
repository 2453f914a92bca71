import json

import pytest

from pipeline.aoi import parse
from pipeline.errors import ConfigError
from pipeline.geometry.aoi import Aoi

SQUARE = ((0.0, 0.0), (8.0, 0.0), (8.0, 8.0), (0.0, 8.0))
HOLE = ((2.0, 2.0), (2.0, 4.0), (4.0, 4.0))
RINGS = [[list(corner) for corner in ring] for ring in (SQUARE, HOLE)]


@pytest.mark.parametrize(
    "text",
    [
        "POLYGON ((0 0, 8 0, 8 8, 0 8), (2 2, 2 4, 4 4))",
        " polygon((0.0 0,8e0 0,8 8.,0 8),(2 2,2 4,4 4)) ",
        "MULTIPOLYGON (((0 0, 8 0, 8 8, 0 8), (2 2, 2 4, 4 4)))",
        "POLYGON Z ((0 0 5, 8 0 5, 8 8 5, 0 8 5), (2 2 5, 2 4 5, 4 4 5))",
        json.dumps({"type": "Polygon", "coordinates": RINGS}),
        json.dumps({"type": "Feature", "geometry": {"type": "MultiPolygon", "coordinates": [RINGS]}}),
        json.dumps(
            {
                "type": "FeatureCollection",
                "features": [
                    {
                        "type": "Feature",
                        "geometry": {
                            "type": "GeometryCollection",
                            "geometries": [{"type": "Polygon", "coordinates": RINGS}],
                        },
                    }
                ],
            }
        ),
    ],
)
def test_all_forms_of_an_area_are_one(text: str) -> None:
    assert parse(text) == Aoi(crs="OGC:CRS84", polygons=((SQUARE, HOLE),))
    assert parse(f"SRID=32633;{text}").crs == "EPSG:32633"


@pytest.mark.parametrize(
    "crs",
    ["OGC:CRS84", "urn:ogc:def:crs:EPSG::32633", 'LOCAL_CS["a shapefile\'s own; of sorts",UNIT["m",1]]'],
)
def test_the_text_of_an_area_is_read_as_the_same_area(crs: str) -> None:
    area = Aoi(crs=crs, polygons=((SQUARE, HOLE), (SQUARE,)))
    assert parse(area.text) == area


def test_a_box_is_its_four_corners() -> None:
    assert parse("0, 0, 8, 8") == parse("POLYGON ((0 0, 8 0, 8 8, 0 8))")
    assert parse("SRID=3857;-5.5,0,8,1e3").polygons[0][0][0] == (-5.5, 0.0)


def test_the_crs_of_old_geojson_is_known() -> None:
    old = {
        "type": "Polygon",
        "coordinates": RINGS,
        "crs": {"properties": {"name": "urn:ogc:def:crs:EPSG::32633"}},
    }
    assert parse(json.dumps(old)).crs == "urn:ogc:def:crs:EPSG::32633"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1,2,3",
        "3,0,1,8",
        "0,0,nan,8",
        "POLYGON ((0 0, 8 0",
        "POLYGON EMPTY",
        "POLYGON ((0 0, 8 0))",
        "LINESTRING (0 0, 8 0)",
        "{",
        '{"type": "Point", "coordinates": [1, 2]}',
        '{"type": "FeatureCollection", "features": []}',
        '{"type": "Polygon", "coordinates": [["a"]]}',
        "[1]",
    ],
)
def test_what_is_no_area_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(ConfigError, match=r"aoi.*expected a box xmin,ymin,xmax,ymax"):
        parse(text)


def test_what_is_null_in_geojson_is_not_there() -> None:
    square = {"type": "Polygon", "coordinates": RINGS, "crs": None, "bbox": None}
    collection = {"type": "GeometryCollection", "geometries": [None, square]}
    document = {
        "type": "FeatureCollection",
        "crs": None,
        "features": [
            None,
            {"type": "Feature", "geometry": None, "properties": None},
            {"type": "Feature"},
            {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": []}},
            {"type": "Feature", "geometry": {"type": "MultiPolygon", "coordinates": [[], RINGS]}},
            {"type": "Feature", "geometry": collection},
        ],
    }
    polygon = (SQUARE, HOLE)
    assert parse("\ufeff" + json.dumps(document)) == Aoi(crs="OGC:CRS84", polygons=(polygon, polygon))
    for crs in ({"type": "name", "properties": None}, {"type": "name", "properties": {"name": None}}):
        assert parse(json.dumps(square | {"crs": crs})).crs == "OGC:CRS84"
    for nothing in ({"type": "FeatureCollection", "features": None}, {"type": "Feature", "geometry": None}):
        with pytest.raises(ConfigError, match="aoi must have polygons"):
            parse(json.dumps(nothing))


def test_the_crs_of_geojson_by_number_is_known_and_by_link_is_refused() -> None:
    square = {"type": "Polygon", "coordinates": RINGS}
    code = {"type": "EPSG", "properties": {"code": 32633}}
    assert parse(json.dumps(square | {"crs": code})).crs == "EPSG:32633"
    with pytest.raises(ConfigError, match="its CRS elsewhere, at https://h"):
        parse(json.dumps(square | {"crs": {"type": "link", "properties": {"href": "https://h"}}}))
