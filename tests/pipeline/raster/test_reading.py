import json
import subprocess
import sys
import warnings
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import raster
from pipeline.errors import RasterError
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.window import Window
from pipeline.raster import FILL
from pipeline.storage import objects
from pipeline.storage.location import Location

UTM = (2.0, 0.0, 500_000.0, 0.0, -2.0, 5_000_000.0)
HEIGHT, WIDTH = 130, 170


def random_pixels(bands: int) -> np.ndarray:
    return np.random.default_rng(bands).integers(0, 256, (bands, HEIGHT, WIDTH), np.uint8)


def write(path: Path, pixels: np.ndarray, **options: Any) -> str:  # noqa: ANN401 - GDAL's
    """Write (bands, y, x) by rasterio itself, in any of its kinds."""
    bands, height, width = pixels.shape
    masks = {name: options.pop(name) for name in ("colorinterp", "mask") if name in options}
    profile = {"driver": "GTiff", "crs": "EPSG:32633", "transform": rasterio.Affine(*UTM)}
    profile |= {"dtype": pixels.dtype, **options}
    with rasterio.open(path, "w", height=height, width=width, count=bands, **profile) as target:
        if "colorinterp" in masks:
            target.colorinterp = [rasterio.enums.ColorInterp[name] for name in masks["colorinterp"]]
        target.write(pixels)
        if "mask" in masks:
            target.write_mask(masks["mask"])
    return str(path)


def oracle(path: str) -> tuple[np.ndarray, np.ndarray]:
    """rasterio's own whole read: the bands it declares red, green and blue, and its mask of the dataset."""
    with warnings.catch_warnings(), rasterio.Env(GDAL_PNG_WHOLE_IMAGE_OPTIM=False):
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path) as source:
            names = [meaning.name for meaning in source.colorinterp]
            colours = [name for name in ("red", "green", "blue") if name in names]
            bands = [names.index(name) + 1 for name in colours] if len(colours) == 3 else [1, 2, 3]
            pixels = source.read(bands if source.count >= 3 else [1, 1, 1])
            return np.moveaxis(pixels, 0, -1), source.dataset_mask() > 0


def read_whole(uri: str) -> tuple[np.ndarray, np.ndarray]:
    header = raster.read_header(uri)
    return raster.read(uri, Window(0, 0, header.height, header.width))


# ------------------------------------------------------------------------------------------ real files


def test_headers_of_real_files_say_what_rasterio_says(shared_data: Path) -> None:
    path = next((shared_data / "geotiff" / "opengeos-data" / "naip").glob("*.tif"))
    header = raster.read_header(str(path))
    with rasterio.open(path) as source:
        assert (header.height, header.width, header.bands) == (source.height, source.width, source.count)
        assert rasterio.crs.CRS.from_wkt(header.crs_wkt) == source.crs
        assert rasterio.Affine(*header.transform) == source.transform
        assert (header.dtype, header.nodata) == ("uint8", source.nodata)


# ------------------------------------------------------------------------------------- windows and bands


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, np.ndarray]:
    pixels = random_pixels(3)
    path = tmp_path_factory.mktemp("scene") / "rgb.tif"
    return write(path, pixels, tiled=True, blockxsize=64, blockysize=64), np.moveaxis(pixels, 0, -1)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(-300, 300), st.integers(-300, 300), st.integers(1, 200), st.integers(1, 200))
def test_a_window_anywhere_is_the_scene_where_there_is_one(
    scene: tuple[str, np.ndarray], row_off: int, col_off: int, height: int, width: int
) -> None:
    uri, whole = scene
    window, extent = Window(row_off, col_off, height, width), Window(0, 0, HEIGHT, WIDTH)
    pixels, valid = raster.read(uri, window)
    inside = window.intersection(extent)
    assert valid.sum() == (inside.height * inside.width if inside else 0)
    around = np.pad(whole, ((300, 700), (300, 700), (0, 0)), mode="symmetric")  # numpy's own reflection
    rows, cols = (slice(off + 300, off + 300 + side) for off, side in ((row_off, height), (col_off, width)))
    assert np.array_equal(pixels, around[rows, cols])
    if inside:
        assert valid[inside.slices_in(window)].all()


def test_no_data_keeps_its_fill_on_either_side_of_an_edge(tmp_path: Path) -> None:
    stored = np.full((3, 9, 9), 200, np.uint8)
    stored[:, :, 7:] = 0
    uri = write(tmp_path / "a.tif", stored, nodata=0)
    pixels, valid = raster.read(uri, Window(0, 0, 9, 20))
    assert (pixels[:, :7] == 200).all()
    assert (pixels[:, 7:11] == FILL).all()  # two columns without data, and these reflected
    assert (pixels[:, 11:18] == 200).all()  # the whole scene is too narrow: it is reflected again
    assert (pixels[:, 18:] == 200).all()
    assert valid[:, :7].all()
    assert not valid[:, 7:].any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 1)])
def test_scenes_smaller_than_what_is_read_are_reflected_again_and_again(
    tmp_path: Path, shape: tuple[int, int]
) -> None:
    stored = np.random.default_rng(0).integers(1, 256, (3, *shape), dtype=np.uint8)
    pixels, valid = raster.read(write(tmp_path / "a.tif", stored), Window(-20, -20, 50, 50))
    beyond = [(20, 30 - side) for side in shape]
    assert np.array_equal(pixels, np.pad(np.moveaxis(stored, 0, -1), [*beyond, (0, 0)], mode="symmetric"))
    assert valid.sum() == shape[0] * shape[1]


def test_an_overview_changes_no_pixel(tmp_path: Path) -> None:
    uri = write(tmp_path / "a.tif", random_pixels(3))
    before = read_whole(uri)[0]
    with rasterio.open(uri, "r+") as target:
        target.build_overviews([2, 4])
    assert np.array_equal(read_whole(uri)[0], before)


@pytest.mark.parametrize(
    ("colorinterp", "bands"),
    [
        (["blue", "green", "red"], [3, 2, 1]),
        (["undefined", "red", "green", "blue"], [2, 3, 4]),
        (["gray", "undefined", "undefined", "undefined", "undefined"], [1, 2, 3]),
        (["gray"], [1, 1, 1]),
        (["gray", "undefined"], [1, 1, 1]),
        (["alpha", "gray", "undefined", "undefined"], [2, 3, 4]),
    ],
)
def test_bands_are_the_declared_colours_else_the_first(
    tmp_path: Path, colorinterp: list[str], bands: list[int]
) -> None:
    pixels = random_pixels(len(colorinterp)) | 1  # an alpha of zero would hide a pixel
    uri = write(tmp_path / "a.tif", pixels, colorinterp=colorinterp, photometric="minisblack")
    found, valid = read_whole(uri)
    assert valid.all()
    assert np.array_equal(found, np.moveaxis(pixels[np.array(bands) - 1], 0, -1))


@pytest.mark.parametrize("dtype", ["complex64", "complex_int16"])
def test_pixels_without_brightness_are_refused_by_name(tmp_path: Path, dtype: str) -> None:
    whole = random_pixels(3).astype("complex64")
    uri = write(tmp_path / "a.tif", whole, dtype=dtype)
    assert raster.read_header(uri).dtype == dtype
    with pytest.raises(RasterError, match=rf"{dtype}, which have no brightness"):
        read_whole(uri)


def test_a_pixel_is_valid_where_any_band_has_data(tmp_path: Path) -> None:
    pixels = random_pixels(3) % 3
    valid = read_whole(write(tmp_path / "a.tif", pixels, nodata=0))[1]
    assert np.array_equal(valid, (pixels != 0).any(axis=0))


def test_nodata_and_alpha_both_count(tmp_path: Path) -> None:
    pixels = random_pixels(4) % 3
    uri = write(tmp_path / "a.tif", pixels, nodata=0, colorinterp=["red", "green", "blue", "alpha"])
    assert np.array_equal(read_whole(uri)[1], (pixels[:3] != 0).any(axis=0) & (pixels[3] > 0))


@pytest.mark.parametrize("internal", [True, False])
def test_a_mask_beside_or_inside_the_file_counts(tmp_path: Path, *, internal: bool) -> None:
    mask = random_pixels(1)[0] > 90
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal):
        uri = write(tmp_path / "a.tif", random_pixels(3), mask=mask)
    assert (tmp_path / "a.tif.msk").exists() is not internal
    assert np.array_equal(read_whole(uri)[1], mask)


def test_a_scene_without_georeference_is_read_in_silence(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        uri = write(tmp_path / "a.png", random_pixels(3), driver="PNG", crs=None, transform=None)
    header = raster.read_header(uri)  # warnings are errors here
    assert header.crs_wkt is None
    assert header.transform == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    assert read_whole(uri)[1].all()


# ------------------------------------------------------------------------------------ files that end early

KINDS: list[tuple[str, dict[str, Any]]] = [
    *(
        ("tif", {"compress": compress, "tiled": tiled, "interleave": interleave} | size)
        for compress, (tiled, size), interleave in product(
            ["none", "deflate", "lzw", "zstd", "jpeg"],
            [(True, {"blockxsize": 64, "blockysize": 64}), (False, {})],
            ["pixel", "band"],
        )
    ),
    ("png", {"driver": "PNG"}),
    ("jpg", {"driver": "JPEG"}),
    ("jp2", {"driver": "JP2OpenJPEG"}),
]


@pytest.mark.parametrize(("suffix", "options"), KINDS, ids=lambda value: str(value).replace("'", ""))
def test_a_file_that_ends_early_fails_and_never_gives_zeros(
    tmp_path: Path, suffix: str, options: dict[str, Any]
) -> None:
    whole = Path(write(tmp_path / f"whole.{suffix}", random_pixels(3), **options))
    for sidecar in tmp_path.glob("*.aux.xml"):
        sidecar.unlink()
    expected, content = oracle(str(whole))[0], whole.read_bytes()
    cut = tmp_path / f"cut.{suffix}"
    failed = 0
    for share in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
        cut.write_bytes(content[: int(len(content) * share)])
        try:
            assert np.array_equal(read_whole(str(cut))[0], expected)
        except RasterError:
            failed += 1
    assert failed >= 6


def test_a_window_before_the_missing_end_can_still_be_read(tmp_path: Path) -> None:
    pixels = random_pixels(3)
    whole = Path(write(tmp_path / "a.tif", pixels, tiled=True, blockxsize=64, blockysize=64))
    whole.write_bytes(whole.read_bytes()[:-20_000])
    first = Window(0, 0, 64, 64)
    assert np.array_equal(raster.read(str(whole), first)[0], np.moveaxis(pixels[:, :64, :64], 0, -1))
    with pytest.raises(RasterError, match=r"rows 100\.\.130 and columns 150\.\.170 of .*ends early"):
        raster.read(str(whole), Window(100, 150, 64, 64))


def test_damage_that_gdal_only_logs_is_an_error(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "a.tif", random_pixels(3), compress="jpeg"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 64] = bytes(range(64))
    path.write_bytes(content)
    with pytest.raises(RasterError, match="damaged"):
        read_whole(str(path))


# ------------------------------------------------------------------------------------------- messages


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(RasterError, match=r"none\.tif does not exist"):
        raster.read_header(str(tmp_path / "none.tif"))
    with pytest.raises(RasterError, match=r"none\.tif does not exist"):
        raster.read_input(str(tmp_path / "none.tif"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is an empty file \(0 bytes\)"),
        ("Größe: 12 m\nnot a picture\n".encode() * 100, "is a text file, not a GeoTIFF"),
        (b"II*\0", "begins as a TIFF does, but is cut short or damaged"),
        (b"\x89PNG\r\n\x1a\n", "begins as a PNG does, but is cut short or damaged"),
        (b"\x07\x00\xff\x13" * 50, "is not a GeoTIFF, PNG, JPEG, JPEG 2000 or VRT"),
    ],
)
@pytest.mark.parametrize("remote", [False, True])
def test_what_is_there_instead_of_a_raster(
    request: pytest.FixtureRequest, tmp_path: Path, content: bytes, message: str, *, remote: bool
) -> None:
    root = request.getfixturevalue("s3") if remote else str(tmp_path)
    uri = objects.join(root, "a.tif")
    objects.put_bytes(Location(uri), content)
    with pytest.raises(RasterError, match=rf"^{uri} {message}"):
        raster.read_header(uri)


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(RasterError, match="is a folder"):
        raster.read_header(str(tmp_path))


def test_a_kind_whose_missing_end_gdal_forgives(tmp_path: Path) -> None:
    uri = write(tmp_path / "a.bmp", random_pixels(3), driver="BMP", crs=None)
    with pytest.raises(RasterError, match=r"begins as a BMP does.*convert it to a GeoTIFF"):
        raster.read_header(uri)


def test_a_virtual_raster_of_a_missing_file(tmp_path: Path) -> None:
    uri = write(tmp_path / "a.vrt", random_pixels(1)[:, :1, :1], driver="GTiff")
    source = f"<SimpleSource><SourceFilename>{tmp_path}/gone.tif</SourceFilename></SimpleSource>"
    band = f'<VRTRasterBand dataType="Byte" band="1">{source}</VRTRasterBand>'
    Path(uri).write_text(f'<VRTDataset rasterXSize="5" rasterYSize="5">{band}</VRTDataset>')
    with pytest.raises(RasterError, match=r"gone\.tif"):
        read_whole(uri)


# ------------------------------------------------------------------------------- S3 and the environment


def test_a_scene_on_s3_reads_as_the_file_does(s3: str, scene: tuple[str, np.ndarray]) -> None:
    uri = objects.join(s3, "north", "a scene.tif")
    objects.put_bytes(Location(uri), Path(scene[0]).read_bytes())
    window = Window(-5, 100, 90, 100)
    for ours, theirs in zip(raster.read(uri, window), raster.read(scene[0], window), strict=True):
        assert np.array_equal(ours, theirs)
    assert raster.read_header(uri) == raster.read_header(scene[0])
    assert raster.read_input(uri).size_bytes == Path(scene[0]).stat().st_size


def test_a_missing_object_on_s3(s3: str) -> None:
    with pytest.raises(RasterError, match=f"^{s3}/none.tif does not exist"):
        raster.read_header(f"{s3}/none.tif")


REPORT_OPTIONS = """
import json, sys, rasterio.env
from pipeline.raster.gdal.environment import environment
from pipeline.storage.access import FROM_ENVIRONMENT
from rasterio._env import get_gdal_config
with environment(FROM_ENVIRONMENT):
    print(json.dumps({name: str(get_gdal_config(name)) for name in sys.argv[1:]}))
"""


def gdal_options(*names: str, **environment: str) -> dict[str, str]:
    """GDAL's options inside a call, in a process of its own: GDAL reads an environment once."""
    return dict(
        json.loads(
            subprocess.run(
                [sys.executable, "-c", REPORT_OPTIONS, *names],
                env={"AWS_ENDPOINT_URL": "https://store.example:8333", **environment},
                cwd=Path.cwd(),
                capture_output=True,
                check=True,
            ).stdout
        )
    )


def test_gdal_is_told_the_s3_server_of_the_environment() -> None:
    told = gdal_options("AWS_S3_ENDPOINT", "AWS_HTTPS", "AWS_VIRTUAL_HOSTING", "GDAL_NUM_THREADS")
    assert told == {
        "AWS_S3_ENDPOINT": "store.example:8333",
        "AWS_HTTPS": "True",
        "AWS_VIRTUAL_HOSTING": "False",
        "GDAL_NUM_THREADS": "1",
    }


def test_what_the_user_set_is_left_alone() -> None:
    own = {
        "GDAL_NUM_THREADS": "7",
        "GDAL_DISABLE_READDIR_ON_OPEN": "FALSE",
        "AWS_S3_ENDPOINT": "mine:1",
        "AWS_HTTPS": "NO",
    }
    told = gdal_options(*own, **own)
    assert told["GDAL_NUM_THREADS"] == "7"
    assert told["AWS_S3_ENDPOINT"] == "mine:1"
    assert told["GDAL_DISABLE_READDIR_ON_OPEN"] in {"FALSE", "False"}
    assert told["AWS_HTTPS"] in {"NO", "False"}


# ---------------------------------------------------------------------------------------------- writing


@pytest.mark.parametrize("bands", [1, 3, 4])
def test_what_is_written_window_by_window_is_read_back(tmp_path: Path, bands: int) -> None:
    pixels = np.moveaxis(random_pixels(bands), 0, -1)
    path = str(tmp_path / "new" / "a.tif")
    with raster.create(
        path, height=HEIGHT, width=WIDTH, bands=bands, crs="EPSG:32633", transform=UTM, nodata=9.0
    ) as target:
        for window in plan_windows(HEIGHT, WIDTH, window_px=64):
            target.write(pixels[window.slices_in(Window(0, 0, HEIGHT, WIDTH))], window)
        assert not Path(path).exists()
    header = raster.read_header(path)
    assert (header.bands, header.nodata, header.transform) == (bands, 9.0, UTM)
    assert header.crs_wkt is not None
    assert "UTM zone 33N" in header.crs_wkt
    found, valid = read_whole(path)
    expected = pixels[..., :3] if bands >= 3 else pixels[..., [0, 0, 0]]
    assert np.array_equal(found[valid], expected[valid])
    assert np.array_equal(valid, (expected != 9).any(axis=-1))


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with raster.create(
            str(tmp_path / "a.tif"), height=9, width=9, bands=1, crs=None, transform=UTM
        ) as target:
            target.write(np.zeros((9, 9, 2), np.uint8), Window(0, 0, 9, 9))

    with pytest.raises(ValueError, match=r"\(9, 9, 1\), got \(9, 9, 2\)"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_crs_that_gdal_does_not_know_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(RasterError, match=r"cannot create .*a\.tif"),
        raster.create(str(tmp_path / "a.tif"), height=9, width=9, bands=1, crs="EPSG:999999", transform=UTM),
    ):
        pass


@pytest.mark.parametrize(
    ("bands", "dtype"), [(1, "uint8"), (1, "uint16"), (2, "int32"), (3, "uint8"), (4, "uint8")]
)
def test_labels_are_read_as_they_are_stored(tmp_path: Path, bands: int, dtype: str) -> None:
    stored = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (bands, HEIGHT, WIDTH)).astype(dtype)
    path = write(tmp_path / "labels.tif", stored, nodata=0)
    window = Window(20, 30, 50, 60)
    levels = raster.read_integers(path, window)
    expected = np.moveaxis(stored[:3], 0, -1) if bands >= 3 else stored[0]
    assert levels.dtype == stored.dtype
    assert np.array_equal(levels, expected[20:70, 30:90])


def test_labels_that_are_no_whole_numbers_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "labels.tif", np.zeros((1, HEIGHT, WIDTH), np.float32))
    with pytest.raises(RasterError, match=r"whole numbers.*float32"):
        raster.read_integers(path, Window(0, 0, 10, 10))
