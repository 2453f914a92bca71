"""Areas and bounds where a map ends: a pixel has an area if it has a place on earth, whatever the others have."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from pyproj.enums import TransformDirection
from rasterio.crs import CRS
from rasterio.warp import transform_bounds

from pipeline import raster
from pipeline.aoi import parse
from pipeline.config import Reading
from pipeline.errors import RasterError
from pipeline.geometry.areas import ground_size_m, pixel_areas_m2
from pipeline.geometry.lonlat.bounds import lonlat_bbox
from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window
from pipeline.sources.naming import scene_of
from pipeline.statistics import window_statistics
from pipeline.store import StoreLayout, documents
from tests.pipeline.geodesics import WGS84
from tests.pipeline.rasters import write

Transform = tuple[float, float, float, float, float, float]

EARTH_M2 = abs(WGS84.polygon_area_perimeter([0, 90, 180, 270], [0, 0, 0, 0])[0]) * 2
GOES = "+proj=geos +h=35786023 +lon_0=-75 +sweep=x +ellps=WGS84 +type=crs"
MINE = 'LOCAL_CS["mine grid",LOCAL_DATUM["site",32767],UNIT["metre",1],AXIS["Easting",EAST],AXIS["Northing",NORTH]]'

# Pictures that are larger than what their map shows of the earth.
LARGER: dict[str, tuple[str, Transform, tuple[int, int]]] = {
    "geostationary": (GOES, (60e3, 0, -5.7e6, 0, -60e3, 5.7e6), (190, 190)),
    "Robinson": ("ESRI:54030", (200e3, 0, -17.6e6, 0, -200e3, 9e6), (90, 176)),
    "Mollweide": ("ESRI:54009", (200e3, 0, -18.4e6, 0, -200e3, 9.2e6), (92, 184)),
    "sinusoidal": ("ESRI:54008", (200e3, 0, -20.2e6, 0, -200e3, 10.2e6), (102, 202)),
    "orthographic": (
        "+proj=ortho +lat_0=40 +ellps=WGS84 +type=crs",
        (100e3, 0, -7e6, 0, -100e3, 7e6),
        (140, 140),
    ),
}


def described(crs: str | None, transform: Transform, shape: tuple[int, int]) -> Header:
    wkt = None if crs is None else CRS.from_user_input(crs).to_wkt()
    a, b, c, d, e, f = map(float, transform)
    return Header(
        height=shape[0],
        width=shape[1],
        bands=3,
        dtype="uint8",
        crs_wkt=wkt,
        transform=(a, b, c, d, e, f),
        nodata=None,
    )


def areas_of(header: Header, window: Window | None = None) -> np.ndarray:
    found = pixel_areas_m2(header, window or Window(0, 0, header.height, header.width))
    assert found is not None
    return found


def by_geodesics(header: Header, *, pieces: int = 16) -> np.ndarray:
    """Each pixel by geodesics along its outline, if each of its corners is the place on earth that it leads to."""
    a, b, c, d, e, f = header.transform
    crs = pyproj.CRS.from_wkt(str(header.crs_wkt))
    to_angles = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    along, one = np.arange(pieces) / pieces, np.ones(pieces)
    down = np.concatenate([0 * one, along, one, 1 - along])
    right = np.concatenate([along, one, 1 - along, 0 * one])
    rows, cols = np.indices((header.height, header.width))
    down, right = rows[..., None] + down, cols[..., None] + right
    x, y = a * right + b * down + c, d * right + e * down + f
    lon, lat = to_angles.transform(x, y)
    back = to_angles.transform(lon, lat, direction=TransformDirection.INVERSE)
    there = np.isfinite(lon) & (np.hypot(back[0] - x, back[1] - y) < abs(a) / 100)
    areas = np.full(rows.shape, np.nan)
    for pixel in zip(*np.nonzero(there[..., ::pieces].all(axis=2)), strict=True):
        areas[pixel] = abs(WGS84.polygon_area_perimeter(lon[pixel], lat[pixel])[0])
    return areas


@pytest.mark.parametrize("name", LARGER)
def test_of_a_picture_larger_than_its_map_each_pixel_on_earth_has_its_area(name: str) -> None:
    header = described(*LARGER[name])
    found, expected = areas_of(header), by_geodesics(header)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    assert 0.05 < np.isnan(found).mean() < 0.5
    on_earth = ~np.isnan(expected)
    assert (
        np.isclose(found[on_earth], expected[on_earth], rtol=2e-3).mean() > 0.997
    )  # pixels at the very edge
    assert np.nansum(found) == pytest.approx(np.nansum(expected), rel=3e-4)
    assert np.nansum(found) < EARTH_M2


@pytest.mark.parametrize("pixel_m", [600.0, 2000.0])
def test_at_the_limb_areas_depend_on_no_window(pixel_m: float) -> None:
    """Cells of several pixels, of which some are on earth and some are not."""
    header = described(GOES, (pixel_m, 0, -5.45e6, 0, -pixel_m, 6e5), (330, 170))
    whole = areas_of(header)
    assert 0.05 < np.isnan(whole).mean() < 0.95
    every = Window(0, 0, 330, 170)
    for window in (
        Window(3, 5, 40, 150),
        Window(100, 0, 230, 1),
        Window(77, 60, 1, 110),
        Window(0, 21, 330, 23),
    ):
        np.testing.assert_array_equal(areas_of(header, window), whole[window.slices_in(every)])
    part = replace(header, height=60, width=60)
    expected = by_geodesics(part)
    np.testing.assert_array_equal(np.isnan(areas_of(part)), np.isnan(expected))


@pytest.mark.parametrize(
    ("transform", "shape", "earth"),
    [
        ((0.625, 0, -180.3125, 0, -0.5, 90.25), (361, 576), 1.0),  # centres at the poles
        ((0.625, 0, -180.3125, 0, 0.5, -90.25), (361, 576), 1.0),
        ((1.0, 0, 0, 0, -1.0, 90.00000000000003), (180, 360), 1.0),
        ((1.0, 0, -180, 0, 1.0, 0.0), (180, 360), 0.5),  # upside down, and half of it beyond the pole
    ],
)
def test_the_earth_ends_at_its_poles(transform: Transform, shape: tuple[int, int], earth: float) -> None:
    header = described("EPSG:4326", transform, shape)
    found = areas_of(header)
    assert np.nansum(found) == pytest.approx(EARTH_M2 * earth, rel=1e-9)
    assert np.isnan(found).mean() == 1 - earth
    a, _, c, _, e, f = transform
    for row, col in ((0, 3), (90, 77), (170, 200)):
        top, bottom = (float(np.clip(f + e * edge, -90, 90)) for edge in (row, row + 1))
        lon = np.linspace(c + a * col, c + a * (col + 1), 50)  # a parallel is no geodesic
        outline = [*lon, *lon[::-1]], [top] * 50 + [bottom] * 50
        if top != bottom:
            assert found[row, col] == pytest.approx(abs(WGS84.polygon_area_perimeter(*outline)[0]), rel=1e-6)


def test_a_rounding_error_beyond_the_pole_costs_no_pixel_its_area() -> None:
    header = described("EPSG:4326", (1 / 120, 0, 10, 0, -1 / 120, 90.00000000000003), (300, 300))
    lon = np.linspace(10, 12.5, 5000)
    outline = [*lon, 12.5, 10], [87.5] * 5000 + [90.0, 90.0]
    assert areas_of(header).sum() == pytest.approx(abs(WGS84.polygon_area_perimeter(*outline)[0]), rel=1e-5)


def test_a_map_that_goes_on_beyond_180_degrees_has_areas_there() -> None:
    x_180 = 20037508.342789244
    header = described("EPSG:3857", (1000, 0, x_180 - 50_000, 0, -1000, 8.4e6), (40, 100))
    found = areas_of(header)
    np.testing.assert_allclose(found[:, 60:], found[:, :40], rtol=1e-7)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("ESRI:54050", (1000, 0, 0, 0, -1000, 0)),
        ("EPSG:22300", (1, 0, 5, 0, -1, 7)),
        ("EPSG:4978", (1, 0, 4e6, 0, -1, 0)),
        (MINE, (0.5, 0, 1000, 0, -0.5, 2000)),
        ("EPSG:32633", (1, 0, 0, 0, 1, 0)),  # none: GDAL gives the identity
        ("EPSG:4326", (1, 0, 0, 0, 1, 0)),
    ],
)
def test_a_scene_without_a_place_that_can_be_found_has_masks_and_no_areas(
    tmp_path: Path, crs: str, transform: Transform
) -> None:
    pixels = np.full((3, 30, 40), 9, np.uint8)
    unplaced = rasterio.Affine(*transform).is_identity
    uri = write(
        tmp_path / "a.tif", pixels, crs=crs, transform=None if unplaced else rasterio.Affine(*transform)
    )
    view = raster.view_of(scene_of(uri))
    assert pixel_areas_m2(view.header, Window(0, 0, 30, 40)) is None
    assert pixel_areas_m2(described(crs, transform, (30, 40)), Window(0, 0, 30, 40)) is None
    assert lonlat_bbox(view.header) is None
    assert ground_size_m(view.header) is None
    (warning,) = view.warnings
    assert warning.endswith("there are no areas")
    assert documents(StoreLayout(header=view.header, name="a", classes=["a"], chunk_px=64))
    asked = [Reading(gsd_m=2.0), Reading(aoi=parse("0,0,1,1"))][: 1 if crs == "EPSG:4978" else 2]
    for reading in asked:
        with pytest.raises(RasterError):
            raster.outlined(raster.view_of(scene_of(uri), reading), reading)


def test_pixels_without_a_place_are_counted_and_leave_the_others_their_area() -> None:
    header = described(*LARGER["orthographic"])
    areas = areas_of(header)
    mask = np.where(np.indices(areas.shape)[1] < 70, np.uint8(0), np.uint8(1))
    mask[:20, :20] = 2
    other, right, corner = window_statistics(mask, mask, areas, classes=["right", "corner"], nodata=255)
    for record, class_id in ((other, 0), (right, 1), (corner, 2)):
        here = mask == class_id
        assert record["pixels"] == here.sum()
        assert record["unplaced_pixels"] == np.isnan(areas[here]).sum()
    assert right["area_m2"] == pytest.approx(np.nansum(areas[mask == 1]))
    assert corner["area_m2"] is None


@pytest.mark.parametrize(
    ("crs", "transform", "shape"),
    [
        ("EPSG:32633", (10, 0, 5e5, 0, -10, 5.3e6), (700, 900)),
        ("EPSG:3035", (1000, 0, 4e6, 0, -1000, 3e6), (300, 400)),
        ("EPSG:32601", (50, 0, 1.65e5, 0, -50, 7.2e6), (400, 700)),  # across the antimeridian
        ("EPSG:3031", (1000, 0, -2e6, 0, -1000, 3e6), (900, 800)),  # beside the pole
        ("EPSG:4326", (0.01, 0, 12, 0, -0.01, 50), (200, 300)),
        ("EPSG:31468", (100, 0, 4.5e6, 0, -100, 5.4e6), (200, 300)),  # of another datum
    ],
)
def test_bounds_are_those_of_gdal(crs: str, transform: Transform, shape: tuple[int, int]) -> None:
    found = lonlat_bbox(described(crs, transform, shape))
    assert found is not None
    edges = rasterio.transform.array_bounds(*shape, rasterio.Affine(*transform))
    expected = transform_bounds(crs, "EPSG:4326", *edges, densify_pts=500)
    assert list(found.values()) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(
    ("crs", "transform", "shape", "expected"),
    [
        ("EPSG:3413", (25e3, 0, -1e6, 0, -25e3, 1.5e6), (100, 100), (-180, None, 180, 90)),
        ("EPSG:4326", (1e-3, 0, 179.85, 0, -1e-3, -16), (300, 300), (179.85, -16.3, -179.85, -16)),
        ("EPSG:4326", (1e-3, 0, -180.15, 0, -1e-3, -16), (300, 300), (179.85, -16.3, -179.85, -16)),
        ("EPSG:4326", (1, 0, 0, 0, -1, 90), (180, 360), (-180, -90, 180, 90)),
        ("EPSG:4326", (0.625, 0, -180.3125, 0, -0.5, 90.25), (361, 576), (-180, -90, 180, 90)),
        ("EPSG:4326", (1, 0, 90, 0, -1, 40), (30, 90), (90, 10, 180, 40)),
        ("EPSG:4326", (1, 0, -180, 0, -1, 40), (30, 90), (-180, 10, -90, 40)),
    ],
)
def test_bounds_across_the_antimeridian_and_round_a_pole_are_as_geojson_has_them(
    crs: str, transform: Transform, shape: tuple[int, int], expected: tuple[float | None, ...]
) -> None:
    found = lonlat_bbox(described(crs, transform, shape))
    assert found is not None
    for value, right in zip(found.values(), expected, strict=True):
        assert right is None or value == pytest.approx(right, abs=1e-6)
