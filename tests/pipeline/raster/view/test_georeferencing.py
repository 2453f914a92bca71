"""Where a scene lies: points and polynomials, another ground size, an area of interest; the same in every window."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.control import GroundControlPoint
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform

from pipeline import raster
from pipeline.aoi import parse
from pipeline.config import Reading
from pipeline.errors import RasterError
from pipeline.geometry.areas import pixel_areas_m2
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.scene import Band, Header
from pipeline.geometry.view import View
from pipeline.geometry.window import Window
from pipeline.raster.outline import Outline
from pipeline.raster.resampling import resample, taps
from pipeline.sources.naming import scene_of
from tests.pipeline.rasters import UTM, extent, read_whole, write

SIDE = 300


def noise(bands: int = 3, side: int = SIDE) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (bands, side, side), np.uint8)


def look(uri: str, **reading: Any) -> View:  # noqa: ANN401 - a Reading's
    return raster.view_of(scene_of(uri), Reading(**reading))


def assert_windows_are_the_whole(view: View, *, sides: tuple[int, ...] = (37, 128), **reading: Any) -> None:  # noqa: ANN401
    whole = raster.read_view(view, extent(view), Reading(**reading))
    for side in sides:
        for window in plan_windows(view.header.height, view.header.width, window_px=side):
            for part, all_ in zip(raster.read_view(view, window, Reading(**reading)), whole, strict=True):
                assert np.array_equal(part, all_[window.slices_in(extent(view))])


# ------------------------------------------------------------------------------------ points and polynomials


def with_points(path: Path, pixels: np.ndarray, **options: Any) -> str:  # noqa: ANN401 - GDAL's
    """A raster turned by 30 degrees, which its points tell."""
    turned = rasterio.Affine(*UTM) @ rasterio.Affine.rotation(30)
    corners = [(0, 0), (0, SIDE), (SIDE, 0), (SIDE, SIDE), (SIDE / 2, SIDE / 3)]
    points = [GroundControlPoint(row, col, *(turned @ (col, row))) for row, col in corners]
    return write(path, pixels, transform=None, crs="EPSG:32633", gcps=points, **options)


@pytest.mark.parametrize("nodata", [None, 7])
def test_points_lay_a_scene_flat_as_gdal_does(tmp_path: Path, nodata: int | None) -> None:
    uri = with_points(tmp_path / "a.tif", noise() // 2 + 9, nodata=nodata)
    view = look(uri)
    with rasterio.open(uri) as source, WarpedVRT(source, src_crs=source.gcps[1], tolerance=0) as flat:
        assert view.header.transform == tuple(flat.transform)[:6]
        assert rasterio.crs.CRS.from_wkt(view.header.crs_wkt) == flat.crs
        expected, shown = np.moveaxis(flat.read(), 0, -1), flat.read(1) > 0
    found, valid = raster.read_view(view, extent(view))
    assert 0.4 < valid.mean() < 0.7  # the corners of a turned square's box are empty
    assert np.array_equal(valid, shown if nodata is None else (expected != nodata).any(axis=-1))
    assert np.array_equal(found[valid], expected[valid])
    assert_windows_are_the_whole(view)


def test_the_users_no_data_counts_in_a_warped_scene_too(tmp_path: Path) -> None:
    pixels = noise() % 5
    uri = with_points(tmp_path / "a.tif", pixels, nodata=3)
    shares = {nodata: read_whole(uri, nodata=nodata)[1].mean() for nodata in (None, 2.0, "none")}
    assert shares["none"] > max(shares[None], shares[2.0])


def test_a_point_without_a_crs_places_nothing(tmp_path: Path) -> None:
    points = "".join(
        f'<GCP Id="{x}{y}" Pixel="{x}" Line="{y}" X="{9 * x}" Y="{y}"/>' for x in (0, 5) for y in (0, 5)
    )
    write(tmp_path / "a.tif", noise(1, side=9))
    source = '<SimpleSource><SourceFilename relativeToVRT="1">a.tif</SourceFilename></SimpleSource>'
    band = f'<VRTRasterBand dataType="Byte" band="1">{source}</VRTRasterBand>'
    (tmp_path / "a.vrt").write_text(
        f'<VRTDataset rasterXSize="9" rasterYSize="9"><GCPList>{points}</GCPList>{band}</VRTDataset>'
    )
    header = look(str(tmp_path / "a.vrt")).header
    assert (header.height, header.width, header.crs_wkt) == (9, 9, None)


# ------------------------------------------------------------------------------------- another ground size


@given(st.integers(1, 60), st.floats(0.2, 7), st.integers(0, 40), st.integers(1, 40))
def test_the_parts_of_a_pixel_add_up_to_its_width(length: int, step: float, start: int, count: int) -> None:
    one = taps(start, start + count, step=step, length=length)
    assert one.sources.min() >= 0
    assert one.sources.max() < length
    inside = (np.arange(start, start + count) + 1) * step <= length
    np.testing.assert_allclose(one.weights.sum(axis=1)[inside], max(step, 1))


@pytest.mark.parametrize("factor", [2, 3])
def test_a_coarser_pixel_is_the_mean_of_what_it_covers(factor: int) -> None:
    pixels = np.moveaxis(noise(side=60), 0, -1)
    ways = taps(0, 60 // factor, step=factor, length=60)
    found, valid = resample(pixels, np.ones((60, 60), np.bool_), rows=ways, cols=ways)
    blocks = pixels.reshape(60 // factor, factor, 60 // factor, factor, 3).mean(axis=(1, 3))
    assert valid.all()
    assert np.abs(found - blocks).max() <= 0.5001


def test_what_is_not_valid_is_no_part_of_a_mean() -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[:2] = 200
    valid = np.zeros((4, 4), np.bool_)
    valid[:2], valid[3, :2] = True, True
    ways = taps(0, 1, step=4, length=4)
    found, mostly = resample(pixels, valid, rows=ways, cols=ways)
    assert mostly.all()
    assert (found == 160).all()


@pytest.mark.parametrize("gsd_m", [1.0, 3.0, 5.3, 11.0])
@pytest.mark.parametrize("overviews", [[], [2, 4]])
def test_windows_of_another_ground_size_are_the_whole(
    tmp_path: Path, gsd_m: float, overviews: list[int]
) -> None:
    mask = noise()[0] > 60
    uri = write(
        tmp_path / "a.tif", noise(), mask=mask, overviews=overviews, tiled=True, blockxsize=64, blockysize=64
    )
    view = look(uri, gsd_m=gsd_m)
    a, _, c, _, e, f = view.header.transform
    # UTM's scale is 0.9996 in its middle: a pixel of 2 m there is 2.0008 m on the ground.
    np.testing.assert_allclose([a, -e, c, f], [gsd_m * 0.9996, gsd_m * 0.9996, UTM[2], UTM[5]], rtol=1e-5)
    assert view.header.width == math.ceil(SIDE * 2 / a - 1e-3)
    assert_windows_are_the_whole(view, gsd_m=gsd_m)


@pytest.mark.parametrize("at_once", [1, 500, 20_000])
def test_however_little_is_resampled_at_once_it_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    view = look(write(tmp_path / "a.tif", noise()), gsd_m=13.7)
    whole, _ = raster.read_view(view, extent(view))
    monkeypatch.setattr("pipeline.raster.reading._AT_ONCE_PIXELS", at_once)
    assert np.array_equal(raster.read_view(view, extent(view))[0], whole)


@pytest.mark.parametrize("factor", [2, 4])
def test_an_overview_of_that_size_is_taken_as_it_is(tmp_path: Path, factor: int) -> None:
    uri = write(tmp_path / "a.tif", noise(side=301), overviews=[2, 4])
    view = look(uri, gsd_m=2.0 * factor)
    with rasterio.open(uri, overview_level=factor // 2 - 1) as overview:
        expected = np.moveaxis(overview.read(), 0, -1)
        assert view.header.transform == pytest.approx(tuple(overview.transform)[:6])
    found, _ = raster.read_view(view, extent(view))
    assert np.array_equal(found, expected)
    assert view.header.width * view.header.transform[0] == pytest.approx(301 * 2)


def test_the_scenes_own_size_changes_nothing(tmp_path: Path) -> None:
    uri = write(tmp_path / "a.tif", noise())
    assert look(uri, gsd_m=2.005) == look(uri)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857"])
def test_a_ground_size_is_of_the_ground_and_not_of_the_map(tmp_path: Path, crs: str) -> None:
    side = 1e-4 if crs == "EPSG:4326" else 10.0
    middle = (10.0, 60.0) if crs == "EPSG:4326" else (1e6, 8_399_737.9)  # 60 degrees north
    uri = write(
        tmp_path / "a.tif",
        noise(),
        crs=crs,
        transform=rasterio.Affine(side, 0, middle[0], 0, -side, middle[1]),
    )
    view = look(uri, gsd_m=25.0)
    areas = pixel_areas_m2(view.header, Window(view.header.height // 2, view.header.width // 2, 1, 1))
    assert areas is not None
    assert math.sqrt(areas[0, 0]) == pytest.approx(25.0, rel=1e-3)


def test_a_scene_without_a_place_has_no_ground_size(tmp_path: Path) -> None:
    with pytest.raises(RasterError, match=r"no place on the ground.*leave gsd out"):
        look(write(tmp_path / "a.tif", noise(), crs=None), gsd_m=5.0)


# ---------------------------------------------------------------------------------------- area of interest


def outline_of(view: View, text: str) -> Outline:
    return raster.outline_of(view, parse(text))


def inside_by_coordinates(view: View, *, crs: str, box: tuple[float, float, float, float]) -> np.ndarray:
    """Each pixel's centre, by its own coordinates in the area's CRS."""
    rows, cols = np.mgrid[0 : view.header.height, 0 : view.header.width] + 0.5
    a, b, c, d, e, f = view.header.transform
    placed = transform(
        view.header.crs_wkt, crs, (a * cols + b * rows + c).ravel(), (d * cols + e * rows + f).ravel()
    )
    x, y = (np.reshape(one, rows.shape) for one in placed)
    if box[2] > 180:
        x = np.where(x < 0, x + 360, x)
    return np.asarray((x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3]))


SCENES = {
    "utm": ("EPSG:32633", UTM),
    "turned": ("EPSG:32633", (1.7, 1.0, 500_000.0, 1.0, -1.7, 5_000_000.0)),
    "mercator": ("EPSG:3857", (3.0, 0.0, 1_670_000.0, 0.0, -3.0, 5_650_000.0)),
    "degrees": ("EPSG:4326", (2e-5, 0.0, 15.0, 0.0, -2e-5, 45.15)),
    "pole": ("EPSG:3031", (20_000.0, 0.0, -3_000_000.0, 0.0, -20_000.0, 3_000_000.0)),
    "antimeridian": ("EPSG:32601", (2_000.0, 0.0, 0.0, 0.0, -2_000.0, 5_000_000.0)),
}
BOXES = {"pole": (-30.0, -85.0, 100.0, -70.0), "antimeridian": (178.0, 41.0, 182.0, 43.5)}


@pytest.mark.parametrize("name", SCENES)
def test_inside_is_each_pixels_own_place(tmp_path: Path, name: str) -> None:
    crs, affine = SCENES[name]
    uri = write(tmp_path / "a.tif", noise(), crs=crs, transform=rasterio.Affine(*affine))
    view = look(uri)
    if name in BOXES:
        box = BOXES[name]
    else:
        middle = rasterio.Affine(*affine) @ (150, 140)
        (x,), (y,) = transform(crs, "OGC:CRS84", [middle[0]], [middle[1]])
        box = (x - 2e-3, y - 1e-3, x + 1.5e-3, y + 1.7e-3)
    found = outline_of(view, ",".join(map(str, box))).inside(extent(view))
    expected = inside_by_coordinates(view, crs="OGC:CRS84", box=box)
    assert 0.02 < expected.mean() < 0.9
    assert (found != expected).mean() < 2e-4  # a centre that lies on the line


def test_an_area_of_the_whole_earth_is_all_of_a_scene(tmp_path: Path) -> None:
    for crs, affine in SCENES.values():
        view = look(write(tmp_path / "a.tif", noise(), crs=crs, transform=rasterio.Affine(*affine)))
        assert outline_of(view, "-180,-90,180,90").inside(extent(view)).mean() > 0.999


def test_a_hole_is_outside_and_a_second_part_inside(tmp_path: Path) -> None:
    view = look(write(tmp_path / "a.tif", noise()))
    x, y = UTM[2], UTM[5]

    def square(row: int, col: int, px: int) -> str:
        left, top, side = x + 2 * col, y - 2 * row, 2 * px
        return f"({left} {top}, {left + side} {top}, {left + side} {top - side}, {left} {top - side}, {left} {top})"

    text = f"SRID=32633;MULTIPOLYGON (({square(0, 0, 100)}, {square(20, 30, 40)}), ({square(200, 210, 50)}))"
    expected = np.zeros((SIDE, SIDE), np.bool_)
    expected[:100, :100], expected[20:60, 30:70], expected[200:250, 210:260] = True, False, True
    assert np.array_equal(outline_of(view, text).inside(extent(view)), expected)


CIRCLE = "SRID=32633;POLYGON ((" + ", ".join(
    f"{500_300 + 250 * math.cos(turn)} {4_999_700 + 250 * math.sin(turn)}" for turn in np.linspace(0, 2 * math.pi, 97)
) + "))"  # fmt: skip


@given(st.integers(-50, 320), st.integers(-50, 320), st.integers(1, 90), st.integers(1, 90))
def test_inside_is_the_same_in_every_window_and_touches_never_misses(
    row: int, col: int, height: int, width: int
) -> None:
    outline = placed_circle()
    whole, window = Window(-100, -100, 600, 600), Window(row, col, height, width)
    found = outline.inside(window)
    assert np.array_equal(found, outline.inside(whole)[window.slices_in(whole)])
    assert outline.touches(window) or not found.any()


def placed_circle() -> Outline:
    header = Header(
        height=SIDE, width=SIDE, bands=3, dtype="uint8", crs_wkt="EPSG:32633", transform=UTM, nodata=None
    )
    return outline_of(View(header=header, bands=(Band("a.tif", 1),), colours="grey", ranges=(None,)), CIRCLE)


def test_far_away_nothing_is_touched(tmp_path: Path) -> None:
    view = look(write(tmp_path / "a.tif", noise()))
    outline = outline_of(view, "-80,-40,-79,-39")
    assert not outline.touches(extent(view))
    assert not outline.inside(extent(view)).any()


def test_outside_pixels_are_not_valid_but_as_they_are(tmp_path: Path) -> None:
    uri = write(tmp_path / "a.tif", noise())
    view = look(uri)
    outline = outline_of(view, CIRCLE)
    pixels, valid = raster.read_view(view, extent(view), Reading(), outline)
    assert np.array_equal(valid, outline.inside(extent(view)))
    assert np.array_equal(pixels, read_whole(uri)[0])


def test_an_area_has_no_place_in_a_scene_without_one(tmp_path: Path) -> None:
    with pytest.raises(RasterError, match=r"states no CRS.*leave aoi out"):
        outline_of(look(write(tmp_path / "a.tif", noise(), crs=None)), CIRCLE)


def test_an_unknown_crs_of_an_area_is_named(tmp_path: Path) -> None:
    with pytest.raises(RasterError, match=r"cannot place aoi in .*999999"):
        outline_of(look(write(tmp_path / "a.tif", noise())), "SRID=999999;0,0,1,1")
