"""The policy of pixels: which bands, which values, which are valid; and the same for every window of a scene."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline import raster
from pipeline.config import Reading
from pipeline.errors import ConfigError, RasterError
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.scene import Band, Scene
from pipeline.geometry.view import View
from pipeline.geometry.window import Window
from pipeline.raster.view.colours import scaled
from pipeline.sources.naming import scene_of
from tests.pipeline.rasters import extent, read_whole, write

HEIGHT, WIDTH = 90, 120


def noise(bands: int, dtype: str = "uint8") -> np.ndarray:
    found: np.ndarray = np.random.default_rng(bands).integers(1, 255, (bands, HEIGHT, WIDTH)).astype(dtype)
    return found


def stretched(band: np.ndarray, low: float, high: float) -> np.ndarray:
    """Scale by the definition, a pixel at a time."""
    share = np.clip((band.astype(np.longdouble) - low) / (np.longdouble(high) - low), 0, 1)
    return np.asarray(np.rint(share * 255), np.uint8)


# ---------------------------------------------------------------------------------------------- bands


@pytest.mark.parametrize(
    ("descriptions", "bands"),
    [
        (["Blue", "Green", "Red", "NIR"], [3, 2, 1]),
        (["red_edge", "SR green", "surface reflectance of blue", "red"], [4, 2, 3]),
        (["B02", "B03", "B04", "B08"], [3, 2, 1]),
        (["rededge", "green", "blue", "nir"], [1, 2, 3]),
        (["red", "red", "green", "blue"], [1, 2, 3]),
    ],
)
def test_bands_are_found_by_their_descriptions(
    tmp_path: Path, descriptions: list[str], bands: list[int]
) -> None:
    pixels = noise(4)
    uri = write(tmp_path / "a.tif", pixels, descriptions=descriptions, photometric="minisblack", alpha="no")
    assert np.array_equal(read_whole(uri)[0], np.moveaxis(pixels[np.array(bands) - 1], 0, -1))


def test_the_users_bands_go_before_all_others(tmp_path: Path) -> None:
    pixels = noise(4)
    uri = write(tmp_path / "a.tif", pixels, descriptions=["red", "green", "blue", "nir"], alpha="no")
    assert np.array_equal(read_whole(uri, bands=(4, 3, 2))[0], np.moveaxis(pixels[[3, 2, 1]], 0, -1))
    assert np.array_equal(read_whole(uri, bands=(4,))[0], np.moveaxis(pixels[[3, 3, 3]], 0, -1))
    with pytest.raises(RasterError, match="has 4 bands, and bands asks for 5"):
        read_whole(uri, bands=(5, 3, 2))


def test_a_guess_is_told(tmp_path: Path) -> None:
    guessed = raster.view_of(scene_of(write(tmp_path / "a.tif", noise(5), photometric="minisblack")))
    assert "bands 1, 2, 3 are taken" in guessed.warnings[0]
    assert raster.view_of(scene_of(write(tmp_path / "b.tif", noise(3), photometric="RGB"))).warnings == ()


def test_a_palette_is_expanded_and_its_transparent_colour_is_no_data(tmp_path: Path) -> None:
    numbers = noise(1) % 4
    palette = {0: (9, 8, 7, 255), 1: (255, 0, 0, 255), 2: (0, 0, 255, 255), 3: (1, 2, 3, 255)}
    uri = write(tmp_path / "a.tif", numbers, palette=palette)
    found, valid = read_whole(uri)
    assert valid.all()
    assert np.array_equal(found, np.array([palette[number][:3] for number in range(4)], np.uint8)[numbers[0]])
    uri = write(tmp_path / "b.png", numbers, palette=palette | {2: (0, 0, 0, 0)}, driver="PNG", crs=None)
    found, valid = read_whole(uri)
    assert np.array_equal(valid, numbers[0] != 2)
    assert (found[valid & (numbers[0] == 1)] == (255, 0, 0)).all()


def test_inks_become_light(tmp_path: Path) -> None:
    inks = np.zeros((4, 1, 5), np.uint8)
    inks[:, 0] = np.array([(0, 0, 0, 0), (255, 0, 0, 0), (0, 255, 0, 0), (0, 0, 255, 0), (0, 0, 0, 255)]).T
    uri = write(
        tmp_path / "a.tif", inks, photometric="CMYK", colorinterp=["cyan", "magenta", "yellow", "black"]
    )
    assert read_whole(uri)[0][0].tolist() == [
        [255, 255, 255],
        [0, 255, 255],
        [255, 0, 255],
        [255, 255, 0],
        [0, 0, 0],
    ]


@pytest.mark.parametrize("compress", ["jpeg", "lzw"])
def test_luma_and_chroma_come_out_as_colours(tmp_path: Path, compress: str) -> None:
    colours = np.zeros((3, 64, 64), np.uint8)
    colours[0, :, :32], colours[2, :, 32:] = 250, 250
    options = {"photometric": "YCbCr", "compress": compress} if compress == "jpeg" else {"compress": compress}
    found, _ = read_whole(write(tmp_path / "a.tif", colours, **options))
    assert np.abs(found.astype(int) - np.moveaxis(colours, 0, -1))[:, [5, 60]].max() < 12


COLOURS = np.zeros((64, 64, 3), np.uint8)
COLOURS[:32, :32], COLOURS[:32, 32:] = (250, 10, 10), (10, 250, 10)
COLOURS[32:, :32], COLOURS[32:, 32:] = (10, 10, 250), (240, 240, 240)


@pytest.mark.parametrize(
    ("mode", "name", "options"),
    [
        ("CMYK", "a.jpg", {"quality": 95}),
        ("CMYK", "a.tif", {"compression": "tiff_lzw"}),
        ("CMYK", "a.tif", {"compression": "jpeg"}),
        ("YCbCr", "a.tif", {"compression": "tiff_lzw"}),
        ("YCbCr", "a.tif", {"compression": "jpeg"}),
        ("RGB", "a.jpg", {"progressive": True}),
        ("RGB", "a.jp2", {}),
        ("RGB", "a.tif", {"compression": "packbits"}),
    ],
)
def test_what_other_programs_write_has_its_colours(
    tmp_path: Path, mode: str, name: str, options: dict[str, Any]
) -> None:
    Image.fromarray(COLOURS).convert(mode).save(tmp_path / name, **options)
    found, valid = read_whole(str(tmp_path / name))
    assert valid.all()
    assert np.abs(found.astype(int) - COLOURS)[8:-8:16, 8:-8:16].max() <= 3


def files_of_bands(folder: Path, pixels: np.ndarray, **last: Any) -> Scene:  # noqa: ANN401 - GDAL's
    uris = [
        write(folder / f"B{4 - place}.tif", band[None], **(last if place == 2 else {}))
        for place, band in enumerate(pixels)
    ]
    red, green, blue = (Band(uri, 1) for uri in uris)
    return Scene("north", uris[0], (red, green, blue))


def test_red_green_and_blue_may_lie_in_files_of_their_own(tmp_path: Path) -> None:
    pixels = noise(3)
    view = raster.view_of(files_of_bands(tmp_path, pixels, nodata=7))
    found, valid = raster.read_view(view, extent(view))
    assert valid.all()  # nodata is blue's alone
    assert np.array_equal(found, np.moveaxis(pixels, 0, -1))


def test_each_files_own_values_are_measured(tmp_path: Path) -> None:
    pixels = noise(3, "uint16") * np.array([1, 10, 100], np.uint16)[:, None, None]
    view = raster.view_of(files_of_bands(tmp_path, pixels))
    assert view.ranges == tuple(tuple(np.percentile(band, (2, 98))) for band in pixels)
    found, _ = raster.read_view(view, extent(view))
    limits = [each for each in view.ranges if each]
    assert np.array_equal(found[..., 2], stretched(pixels[2], *limits[2]))


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"crs": "EPSG:32634"}, "crs_wkt"),
        ({"transform": rasterio.Affine(2, 0, 500_001, 0, -2, 5_000_000)}, "transform"),
    ],
)
def test_files_of_one_scene_share_their_grid(tmp_path: Path, other: dict[str, Any], named: str) -> None:
    with pytest.raises(RasterError, match=rf"B2\.tif has another {named} than .*B4\.tif"):
        raster.view_of(files_of_bands(tmp_path, noise(3), **other))


# --------------------------------------------------------------------------------------------- values


@settings(max_examples=200)
@given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20),
    st.floats(-1e5, 1e5),
    st.floats(1, 1e5),
)
def test_values_are_scaled_and_rounded(values: list[float], low: float, width: float) -> None:
    band = np.array([values], np.float32)
    found = scaled(band, low, low + width).astype(int)
    assert np.abs(found - stretched(band, low, low + width)).max() <= 1  # a tie may fall to either side
    assert (np.diff(found[0][np.argsort(band[0])]) >= 0).all()
    assert (found[band <= low] == 0).all()
    assert (found[band >= low + width] == 255).all()


@pytest.mark.parametrize(
    "dtype", ["int8", "uint16", "int16", "uint32", "int32", "int64", "float32", "float64"]
)
def test_any_dtype_is_stretched_between_the_scenes_percentiles(tmp_path: Path, dtype: str) -> None:
    pixels = (noise(3, "int16") - 128).clip(0 if dtype[0] == "u" else -128).astype(dtype)
    uri = write(tmp_path / "a.tif", pixels)
    limits = [np.percentile(band, (2, 98)) for band in pixels.astype(np.float64)]
    view = raster.view_of(scene_of(uri))
    assert view.ranges == tuple((low, high) for low, high in limits)
    found, valid = raster.read_view(view, extent(view))
    assert valid.all()
    for band, (low, high), ours in zip(pixels, limits, np.moveaxis(found, -1, 0), strict=True):
        assert np.array_equal(ours, stretched(band, low, high))


def test_8_bits_are_left_alone(tmp_path: Path) -> None:
    pixels = noise(3) // 4
    assert np.array_equal(
        read_whole(write(tmp_path / "a.tif", pixels), value_range=(0, 20))[0], np.moveaxis(pixels, 0, -1)
    )


def test_fewer_bits_than_8_fill_them(tmp_path: Path) -> None:
    bits = noise(1) % 2
    found, _ = read_whole(write(tmp_path / "a.tif", bits, nbits=1))
    assert np.array_equal(found[..., 0], bits[0] * 255)


def test_a_fixed_range_goes_before_percentiles(tmp_path: Path) -> None:
    pixels = noise(3, "uint16") * 20
    found, _ = read_whole(write(tmp_path / "a.tif", pixels), value_range=(100.0, 3000.0))
    assert np.array_equal(found, np.moveaxis(stretched(pixels, 100, 3000), 0, -1))


def test_what_is_not_valid_is_not_measured(tmp_path: Path) -> None:
    pixels = noise(1, "float32")
    pixels[0, :, :60], pixels[0, :10, 60:] = -9999, np.nan
    view = raster.view_of(scene_of(write(tmp_path / "a.tif", pixels, nodata=-9999)))
    assert view.ranges == (tuple(np.percentile(pixels[0, 10:, 60:].astype(float), (2, 98))),)


@pytest.mark.parametrize("value", [0, 777])
def test_a_scene_of_one_value_is_black_and_not_an_error(tmp_path: Path, value: int) -> None:
    pixels, valid = read_whole(write(tmp_path / "a.tif", np.full((1, 40, 40), value, np.uint16)))
    assert valid.all()
    assert (pixels == 0).all()


def test_a_scene_without_a_valid_pixel_is_read(tmp_path: Path) -> None:
    assert not read_whole(write(tmp_path / "a.tif", np.zeros((1, 40, 40), np.uint16), nodata=0))[1].any()


@pytest.fixture(scope="module")
def slope(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, View, np.ndarray]:
    """A 16-bit scene as of a satellite: a slope from corner to corner, and noise."""
    rows, cols = np.mgrid[0:600, 0:700]
    ramp = 300 + 2 * rows + 3 * cols + np.random.default_rng(0).integers(0, 40, (3, 600, 700))
    uri = write(tmp_path_factory.mktemp("slope") / "a.tif", ramp.astype(np.uint16), nodata=0)
    view = raster.view_of(scene_of(uri))
    return uri, view, raster.read_view(view, extent(view))[0]


@pytest.mark.parametrize("window_px", [64, 200, 512])
def test_windows_of_any_size_are_the_scene_cut_up(
    slope: tuple[str, View, np.ndarray], window_px: int
) -> None:
    _, view, whole = slope
    for window in plan_windows(600, 700, window_px=window_px):
        assert np.array_equal(raster.read_view(view, window)[0], whole[window.slices_in(extent(view))])


def test_no_border_of_windows_shows_a_step(slope: tuple[str, View, np.ndarray]) -> None:
    """Across a border, mean intensities differ by what the source's do, in units of 8 bits, and half a rounding."""
    uri, view, _ = slope
    with rasterio.open(uri) as source:
        stored = source.read(1).astype(float)
    limits = view.ranges[0]
    assert limits is not None
    per_level = (limits[1] - limits[0]) / 255
    left, right = (
        raster.read_view(view, Window(0, col, 600, 64))[0][..., 0].astype(float) for col in (256, 320)
    )
    step = right[:, 0].mean() - left[:, -1].mean()
    inside = (stored[:, 320] - stored[:, 319]).mean() / per_level
    assert abs(step - inside) < 0.5


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(-99, 650), st.integers(-99, 750), st.integers(1, 150), st.integers(1, 150))
def test_a_window_anywhere_is_the_scene_where_there_is_one(
    slope: tuple[str, View, np.ndarray], row_off: int, col_off: int, height: int, width: int
) -> None:
    _, view, whole = slope
    window = Window(row_off, col_off, height, width)
    pixels, valid = raster.read_view(view, window)
    inside = window.intersection(extent(view))
    assert valid.sum() == (inside.height * inside.width if inside else 0)
    around = np.pad(whole, ((99, 900), (99, 900), (0, 0)), mode="symmetric")  # numpy's own reflection
    rows, cols = (slice(off + 99, off + 99 + side) for off, side in ((row_off, height), (col_off, width)))
    assert np.array_equal(pixels, around[rows, cols])


# ------------------------------------------------------------------------------- large scenes are sampled


@pytest.mark.parametrize(
    "layout", [{"tiled": True, "blockxsize": 256, "blockysize": 256}, {}], ids=["tiles", "strips"]
)
@pytest.mark.parametrize("overviews", [[], [2, 4]])
def test_a_sample_of_a_large_scene_is_near_its_percentiles(
    tmp_path: Path, layout: dict[str, Any], overviews: list[int]
) -> None:
    side = 3000
    rows, cols = np.mgrid[0:side, 0:side]
    pixels = (1000 + rows + 500 * np.sin(cols / 200))[None].astype(np.uint16)
    uri = write(tmp_path / "a.tif", pixels, overviews=overviews, **layout)
    (found,) = raster.view_of(scene_of(uri)).ranges
    assert found is not None
    below, above = (pixels < found[0]).mean(), (pixels > found[1]).mean()
    allowed = 0.005 if overviews else 0.04
    assert abs(below - 0.02) < allowed
    assert abs(above - 0.02) < allowed
    assert raster.view_of(scene_of(uri)).ranges == (found,)


def test_a_little_data_in_a_large_scene_is_found(tmp_path: Path) -> None:
    pixels = np.zeros((1, 2200, 2200), np.uint16)
    pixels[0, 5:35, 2100:2130] = np.arange(900).reshape(30, 30) + 1
    (found,) = raster.view_of(scene_of(write(tmp_path / "a.tif", pixels, nodata=0))).ranges
    assert found == tuple(np.percentile(np.arange(900) + 1, (2, 98)))


# ------------------------------------------------------------------------------------------- validity


def test_where_the_header_says_nothing_zeros_are_data(tmp_path: Path) -> None:
    assert read_whole(write(tmp_path / "a.tif", np.zeros((3, 20, 20), np.uint8)))[1].all()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
@pytest.mark.parametrize("header", [None, 3])
def test_the_users_no_data_goes_before_the_headers(tmp_path: Path, dtype: str, header: int | None) -> None:
    pixels = (noise(3) % 5).astype(dtype)
    uri = write(tmp_path / "a.tif", pixels, nodata=header)
    assert np.array_equal(read_whole(uri, nodata=2.0)[1], (pixels != 2).any(axis=0))
    assert read_whole(uri, nodata="none")[1].all()
    assert read_whole(uri, nodata=2.5)[1].all()


@pytest.mark.parametrize("nodata", [np.nan, 0.0, None])
def test_what_is_no_number_is_no_data(tmp_path: Path, nodata: float | None) -> None:
    pixels = noise(2, "float32")
    pixels[0, :40], pixels[1, 20:] = np.nan, np.nan
    _, valid = read_whole(write(tmp_path / "a.tif", pixels, nodata=nodata), bands=(1, 2, 1))
    assert np.array_equal(valid, ~np.isnan(pixels).all(axis=0))
    assert not valid[20:40].any()


def test_the_users_no_data_leaves_masks_and_alpha_alone(tmp_path: Path) -> None:
    pixels = noise(3) % 5
    mask = noise(1)[0] > 90
    uri = write(tmp_path / "a.tif", pixels, mask=mask)
    assert np.array_equal(read_whole(uri, nodata=2.0)[1], (pixels != 2).any(axis=0) & mask)
    assert np.array_equal(read_whole(uri, nodata="none")[1], mask)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_alpha_above_zero_is_data(tmp_path: Path, dtype: str) -> None:
    pixels = noise(4, dtype)
    pixels[3] %= 3
    uri = write(tmp_path / "a.tif", pixels, colorinterp=["red", "green", "blue", "alpha"])
    assert np.array_equal(read_whole(uri)[1], pixels[3] > 0)


# ------------------------------------------------------------------------------------- views and readings


def test_a_view_outlives_json(slope: tuple[str, View, np.ndarray]) -> None:
    import json  # noqa: PLC0415 - of this one test

    _, view, _ = slope
    assert View.from_values(json.loads(json.dumps(view.to_values()))) == view


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"bands": (1, 2)}, "bands must be the numbers"),
        ({"bands": (0, 1, 2)}, "bands must be the numbers"),
        ({"value_range": (5.0, 5.0)}, "range must be two numbers, the lower one first"),
        ({"value_range": (0.0, np.inf)}, "range must be two numbers"),
        ({"nodata": "zero"}, "nodata must be a number, nan or none"),
        ({"drivers": ()}, "drivers must be"),
        ({"vrt": "everywhere"}, "vrt must be inside or anywhere"),
        ({"max_pixels": 0}, "max_pixels must be a whole number above zero"),
        ({"read_timeout_s": 0}, "read_timeout_s must be a number above zero"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_its_key(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Reading(**wrong)
