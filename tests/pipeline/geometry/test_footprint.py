"""Footprints: where a scene has data, in degrees."""

import math

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.geometry.areas import pixel_areas_m2
from pipeline.geometry.footprint import CELLS, ValidMap, footprint
from pipeline.geometry.footprint.outline import MOST_CORNERS, outline
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.scene import Header
from pipeline.geometry.transform import Transform
from pipeline.geometry.window import Window
from tests.pipeline.geodesics import WGS84

UTM: Transform = (10.0, 0.0, 4e5, 0.0, -10.0, 5.6e6)


def header_of(crs: object, transform: Transform, *, height: int, width: int) -> Header:
    wkt = None if crs is None else pyproj.CRS.from_user_input(crs).to_wkt()
    return Header(
        height=height, width=width, bands=3, dtype="uint8", crs_wkt=wkt, transform=transform, nodata=None
    )


def whole(header: Header) -> shapely.Geometry:
    valid = ValidMap(height=header.height, width=header.width)
    valid.add(Window(0, 0, header.height, header.width))
    found = footprint(header, valid)
    assert found is not None
    return shapely.from_wkb(found)


def geodesic_m2(geometry: shapely.Geometry) -> float:
    """The area, by quarters of the earth: of a ring all round it nobody knows which side is meant."""
    quarters = shapely.box(np.arange(-180, 180, 90), -90, np.arange(-90, 181, 90), 90)
    parts = shapely.segmentize(shapely.intersection(geometry, quarters), 0.5)
    return sum(abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(part)[0]) for part in parts)


def painted(seed: int, height: int, width: int) -> np.ndarray:
    """Where a scene is valid: a few rectangles, some of them cut out again."""
    random = np.random.default_rng(seed)
    found = np.zeros((height, width), np.bool_)
    for value in random.random(random.integers(1, 9)) < 0.7:
        (top, left), (tall, wide) = random.integers(0, (height, width)), random.integers(1, (height, width))
        found[top : top + tall, left : left + wide] = value
    return found


@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.tuples(st.integers(2, 700), st.integers(2, 700)),
    window_px=st.integers(30, 800),
)
def test_a_map_is_the_same_by_any_windows_and_no_valid_pixel_is_outside(
    seed: int, size: tuple[int, int], window_px: int
) -> None:
    valid = painted(seed, *size)
    by_windows, at_once = (ValidMap(height=size[0], width=size[1]) for _ in range(2))
    at_once.add(Window(0, 0, *size), valid)
    for window in plan_windows(*size, window_px=window_px):
        part = valid[window.slices_in(Window(0, 0, *size))]
        by_windows.add(window, None if part.all() else part)
    np.testing.assert_array_equal(by_windows.cells, at_once.cells)
    side = at_once.side_px
    rows, cols = np.indices(size) // side
    expected = np.zeros_like(at_once.cells)
    np.logical_or.at(expected, (rows, cols), valid)
    np.testing.assert_array_equal(at_once.cells, expected)


@given(seed=st.integers(0, 2**32 - 1), size=st.tuples(st.integers(200, 900), st.integers(200, 900)))
def test_an_outline_is_valid_and_within_a_cell_of_the_valid_pixels(seed: int, size: tuple[int, int]) -> None:
    valid = painted(seed, *size)
    found = ValidMap(height=size[0], width=size[1])
    found.add(Window(0, 0, *size), valid)
    around = shapely.MultiPolygon(outline(found.cells, side_px=found.side_px, extent=found.extent))
    if not valid.any():
        assert around.is_empty
        return
    assert around.is_valid
    rows, cols = (each[::7] for each in np.nonzero(valid))
    assert shapely.distance(around, shapely.points(cols + 0.5, rows + 0.5)).max() <= found.side_px
    reach = math.ceil(2 * found.side_px)
    for col, row in shapely.get_coordinates(around).astype(int):
        assert valid[max(0, row - reach) : row + reach, max(0, col - reach) : col + reach].any()
    assert shapely.within(around, shapely.box(0, 0, size[1], size[0]))


@settings(max_examples=5)
@given(st.integers(0, 2**32 - 1))
def test_an_outline_full_of_clouds_has_no_more_corners_than_it_may(seed: int) -> None:
    cells = np.random.default_rng(seed).random((CELLS, CELLS)) < 0.5
    around = outline(cells, side_px=4, extent=Window(0, 0, 4 * CELLS, 4 * CELLS))
    assert 4 < sum(map(shapely.get_num_coordinates, around)) <= MOST_CORNERS


PLACES: dict[str, tuple[object, Transform]] = {
    "UTM": (32633, UTM),
    "lon-lat": (4326, (1e-3, 0.0, 13.0, 0.0, -1e-3, 52.0)),
    "rotated": (32633, (8.0, 6.0, 4e5, 6.0, -8.0, 5.6e6)),
    "across the antimeridian": (32601, (100.0, 0.0, 1.65e5, 0.0, -100.0, 7.2e6)),
    "across the antimeridian in degrees": (4326, (1e-3, 0.0, 179.8, 0.0, -1e-3, -16.0)),
    "from 0 to 360 degrees": (4326, (360 / 700, 0.0, 0.0, 0.0, -0.25, 60.0)),
    "the whole world": (3857, (4e7 / 700, 0.0, -2e7, 0.0, -4e4, 1e7)),
    "over the north pole": (3413, (2000.0, 0.0, -7e5, 0.0, -2000.0, 6e5)),
    "over the south pole": (3031, (2000.0, 0.0, -7e5, 0.0, -2000.0, 6e5)),
    "a large one": (3035, (2000.0, 0.0, 3e6, 0.0, -2000.0, 4e6)),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_footprint_is_valid_has_the_scenes_area_and_lies_on_the_earth(place: str) -> None:
    header = header_of(*PLACES[place], height=500, width=700)
    found = whole(header)
    assert found.is_valid
    west, south, east, north = found.bounds
    assert -180 <= west < east <= 180
    assert -90 <= south < north <= 90
    for polygon in shapely.get_parts(found):
        assert polygon.exterior.is_ccw
        assert not any(ring.is_ccw for ring in polygon.interiors)
    assert geodesic_m2(found) == pytest.approx(_expected_m2(header), rel=2e-3)


def _expected_m2(header: Header) -> float:
    areas = pixel_areas_m2(header, Window(0, 0, header.height, header.width))
    assert areas is not None
    return float(np.nansum(areas))


def test_a_scene_across_the_antimeridian_is_two_polygons_that_end_there() -> None:
    found = whole(header_of(*PLACES["across the antimeridian in degrees"], height=500, width=700))
    bounds = sorted(polygon.bounds for polygon in shapely.get_parts(found))
    np.testing.assert_allclose(bounds, [(-180, -16.5, -179.5, -16), (179.8, -16.5, 180, -16)], atol=1e-9)


def test_a_footprint_of_a_whole_grid_in_degrees_is_its_four_corners() -> None:
    found = whole(header_of(4326, (1e-3, 0.0, 13.0, 0.0, -1e-3, 52.0), height=500, width=700))
    assert shapely.get_num_coordinates(found) == 5
    np.testing.assert_allclose(found.bounds, (13.0, 51.5, 13.7, 52.0), atol=1e-9)


@pytest.mark.parametrize("crs", [None, 'LOCAL_CS["a floor plan",UNIT["metre",1]]', "ESRI:104903"])
def test_without_a_place_on_earth_there_is_no_footprint(crs: object) -> None:
    header = header_of(crs, (1.0, 0.0, 5.0, 0.0, -1.0, 5.0), height=9, width=9)
    valid = ValidMap(height=9, width=9)
    valid.add(Window(0, 0, 9, 9))
    assert footprint(header, valid) is None


def test_without_a_valid_pixel_there_is_no_footprint() -> None:
    header = header_of(32633, UTM, height=9, width=9)
    assert footprint(header, ValidMap(height=9, width=9)) is None


def test_cells_beyond_the_earths_disc_are_left_out() -> None:
    disc = "+proj=ortho +lat_0=0 +lon_0=0 +ellps=WGS84 +type=crs"
    found = whole(header_of(disc, (4e4, 0.0, -8e6, 0.0, -4e4, 8e6), height=400, width=400))
    assert found.is_valid
    half = 2 * math.pi * WGS84.a**2
    assert 0.85 * half < geodesic_m2(found) < 1.01 * half
