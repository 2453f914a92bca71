"""Areas across the antimeridian and round the poles, against areas on the ellipsoid by PROJ's geodesics."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Geod

from pipeline import raster
from pipeline.aoi import parse
from pipeline.config import Reading
from pipeline.errors import ConfigError
from pipeline.geometry.aoi import Aoi
from pipeline.geometry.window import Window
from pipeline.sources.naming import scene_of
from tests.pipeline.rasters import write

GEOD = Geod(ellps="WGS84")


def scene(path: Path, crs: str, place: rasterio.Affine, shape: tuple[int, int] = (200, 200)) -> Path:
    write(path, np.zeros((3, *shape), np.uint8), crs=crs, transform=place)
    return path


@pytest.fixture
def scenes(tmp_path: Path) -> list[Path]:
    """A square of Fiji in metres and in degrees beyond 180, and halves that end at the antimeridian."""
    return [
        scene(
            tmp_path / "utm.tif",
            "EPSG:32760",
            rasterio.Affine(500, 0, 740_000, 0, -500, 8_220_000),
            (300, 300),
        ),
        scene(tmp_path / "east.tif", "EPSG:4326", rasterio.Affine(0.01, 0, 179, 0, -0.01, -16)),
        scene(tmp_path / "west.tif", "EPSG:4326", rasterio.Affine(0.01, 0, -181, 0, -0.01, -16)),
        scene(tmp_path / "halved.tif", "EPSG:4326", rasterio.Affine(0.01, 0, 178, 0, -0.01, -16)),
    ]


def inside(path: Path, area: Aoi) -> np.ndarray:
    reading = Reading(aoi=area)
    view = raster.describe(scene_of(str(path)), reading)
    outline = raster.outlined(view, reading)
    assert outline is not None
    return outline.inside(Window(0, 0, view.header.height, view.header.width))


BOX = (179.6, -17.3, -179.7, -16.4)  # west, south, east, north
CORNERS = [[179.6, -17.3], [-179.7, -17.3], [-179.7, -16.4], [179.6, -16.4]]
HOLE = [[-179.9, -17.0], [-179.8, -17.0], [-179.8, -16.9], [-179.9, -16.9]]
FORMS = {
    "box": "179.6,-17.3,-179.7,-16.4",
    "box of EPSG": "SRID=4326;179.6 -17.3 -179.7 -16.4",
    "box beyond": "179.6,-17.3,180.3,-16.4",
    "unsplit": json.dumps({"type": "Polygon", "coordinates": [CORNERS]}),
    "the other way round": json.dumps({"type": "Polygon", "coordinates": [CORNERS[::-1]]}),
    "from the west": json.dumps({"type": "Polygon", "coordinates": [CORNERS[2:] + CORNERS[:2]]}),
    "WKT": "POLYGON Z ((179.6 -17.3 5, -179.7 -17.3 5, -179.7 -16.4 5, 179.6 -16.4 5, 179.6 -17.3 5))",
    "split": json.dumps(
        {
            "type": "MultiPolygon",
            "coordinates": [
                [[[179.6, -17.3], [180, -17.3], [180, -16.4], [179.6, -16.4]]],
                [[[-180, -17.3], [-179.7, -17.3], [-179.7, -16.4], [-180, -16.4]]],
            ],
        }
    ),
}


def area_m2(lon: list[float], lat: list[float]) -> float:
    return abs(float(GEOD.polygon_area_perimeter(lon, lat)[0]))


@pytest.mark.parametrize("form", FORMS)
def test_an_area_across_the_antimeridian_is_the_small_one_in_every_form(
    scenes: list[Path], form: str
) -> None:
    area = parse(FORMS[form])
    steps = np.linspace(0, 0.7, 100)
    lon = [*(179.6 + steps), *(179.6 + steps[::-1])]
    true_m2 = area_m2(lon, [-17.3] * 100 + [-16.4] * 100)
    utm = inside(scenes[0], area)
    assert utm.sum() * 500**2 == pytest.approx(true_m2, rel=0.01)  # of the projection's scale
    for path in scenes[1:]:
        with rasterio.open(path) as source:
            left = source.transform.c
        x = (left + 0.01 * (np.arange(200) + 0.5) - 179.6) % 360 < 0.7
        y = np.abs(-16 - 0.01 * (np.arange(200) + 0.5) + 16.85) < 0.45
        np.testing.assert_array_equal(inside(path, area), np.outer(y, x))


def test_a_hole_is_where_it_is_on_either_side_of_the_antimeridian(scenes: list[Path]) -> None:
    for shift in (0, 360):
        hole = [[x + shift, y] for x, y in HOLE]
        whole, holed = (
            inside(scenes[1], parse(json.dumps({"type": "Polygon", "coordinates": rings})))
            for rings in ([CORNERS], [CORNERS, hole])
        )
        assert whole.sum() - holed.sum() == 100
        assert not holed[90:100, 110:120].any()


def test_a_ring_round_a_pole_holds_the_pole(tmp_path: Path) -> None:
    path = scene(tmp_path / "south.tif", "EPSG:3031", rasterio.Affine(50_000, 0, -5e6, 0, -50_000, 5e6))
    lon = np.arange(-179, 180, 2.0)
    ring = [[float(each), -70.0] for each in lon]
    true_m2 = area_m2(list(lon), [-70.0] * len(lon))
    true_m2 = min(true_m2, 5.1e14 - true_m2)
    found = inside(path, parse(json.dumps({"type": "Polygon", "coordinates": [ring]})))
    assert found[100, 100]
    with rasterio.open(path) as source:
        rows, cols = np.nonzero(found)
        x, y = rasterio.transform.xy(source.transform, rows, cols)
    assert np.hypot(x, y).max() == pytest.approx(2.19e6, rel=0.03)  # 20 degrees from the pole, 71 S is true
    assert len(rows) * 50_000**2 == pytest.approx(true_m2, rel=0.05)


@pytest.mark.parametrize(
    "text",
    [
        "-170,-60,170,60",
        "POLYGON ((-170 -60, 0 -60, 170 -60, 170 60, 0 60, -170 60))",
        "-180,-90,180,90",
        "POLYGON ((-180 -90, 180 -90, 180 90, -180 90))",
        "POLYGON ((-179.9 -89, 179.9 -89, 179.9 89, -179.9 89))",
    ],
)
def test_most_of_the_earth_is_not_taken_for_the_rest_of_it(tmp_path: Path, text: str) -> None:
    path = scene(tmp_path / "a.tif", "EPSG:4326", rasterio.Affine(0.1, 0, 5, 0, -0.1, 50))
    assert inside(path, parse(text)).all()
    assert not inside(path, parse("170,-60,-170,60")).any()


def test_a_box_in_metres_whose_west_is_the_larger_has_no_area() -> None:
    for text in ("SRID=32633;100,0,50,20", "SRID=3857;170,0,-170,20", "200,0,-200,20", "5,0,5,9", "1,9,5,3"):
        with pytest.raises(ConfigError, match="box of no area"):
            parse(text)
