"""Whole-slide images, and what they say of their pixels' size."""

import importlib.util
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from pipeline import raster
from pipeline.config import Reading
from pipeline.errors import RasterError
from pipeline.geometry.areas import ground_size_m
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.window import Window
from pipeline.raster.slides import slide_info, stated_pixel_m
from pipeline.sources import list_scenes
from pipeline.sources.naming import scene_of
from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.pipeline.rasters import extent, read_whole, write

SIDE = 600
APERIO = "Aperio Image Library v1\r\n|AppMag = 20|MPP = 0.5|Left = 25"

needs_openslide = pytest.mark.skipif(
    importlib.util.find_spec("openslide") is None,
    reason="OpenSlide is an extra: pip install 'mrovseg[slides]'",
)


def noise() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (3, SIDE, SIDE), np.uint8)


def slide(path: Path, **options: object) -> str:
    """A slide of the generic kind, a TIFF in tiles, which OpenSlide knows by its bytes whatever it is called."""
    plain = {"crs": None, "transform": None, "tiled": True, "blockxsize": 128, "blockysize": 128}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return write(path, noise(), **plain, photometric="RGB", interleave="pixel", **options)


@needs_openslide
def test_a_slide_gives_the_pixels_that_its_tiles_hold(tmp_path: Path) -> None:
    uri = slide(tmp_path / "a.scn")
    found, valid = read_whole(uri)
    assert np.array_equal(found, np.moveaxis(noise(), 0, -1))
    assert valid.all()
    view = raster.view_of(scene_of(uri))
    for window in (*plan_windows(SIDE, SIDE, window_px=250), Window(-20, 580, 50, 50)):
        pixels, _ = raster.read_view(view, window)
        inside = window.intersection(extent(view))
        assert inside is not None
        assert np.array_equal(pixels[inside.slices_in(window)], found[inside.slices_in(extent(view))])


@needs_openslide
@pytest.mark.parametrize("factors", [[2, 4], [3]])
def test_windows_of_a_level_are_the_whole(tmp_path: Path, factors: list[int]) -> None:
    view = raster.view_of(scene_of(slide(tmp_path / "a.bif", overviews=factors)))
    assert ground_size_m(view.header) is None
    small, _ = raster.read_small(view, SIDE // factors[0])
    assert small.shape[:2] == (SIDE // factors[0],) * 2
    levelled, valid = raster.read_small(view, SIDE // factors[0] - 20)
    assert levelled.shape[0] == SIDE // factors[0] - 20
    assert valid.all()


@needs_openslide
def test_a_real_slide_is_as_gdal_reads_it(shared_data: Path, tmp_path: Path) -> None:
    svs = shared_data / "gigapixel" / "libvips" / "CMU-1-Small-Region.svs"
    copy = tmp_path / "a.scn"
    copy.write_bytes(svs.read_bytes())
    by_gdal, by_openslide = (raster.view_of(scene_of(str(path))) for path in (svs, copy))
    assert by_openslide.header.pixel_m == by_gdal.header.pixel_m == pytest.approx((0.499e-6, 0.499e-6))
    window = Window(1000, 900, 700, 800)
    expected, _ = raster.read_view(by_gdal, window)
    found, valid = raster.read_view(by_openslide, window)
    assert np.array_equal(found, expected)
    assert valid.all()
    reading = Reading(gsd_m=1e-6)
    coarse = raster.view_of(scene_of(str(copy)), reading)
    whole, _ = raster.read_view(coarse, extent(coarse), reading)
    for window in plan_windows(*whole.shape[:2], window_px=500):
        assert np.array_equal(
            raster.read_view(coarse, window, reading)[0], whole[window.slices_in(extent(coarse))]
        )


@needs_openslide
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.95, 0.9999])
def test_a_slide_that_ends_early_is_refused(tmp_path: Path, share: float) -> None:
    path = Path(slide(tmp_path / "a.scn", compress="jpeg"))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(RasterError, match=r"cannot (open|read) "):
        read_whole(str(path))


@needs_openslide
def test_a_damaged_tile_is_refused(tmp_path: Path) -> None:
    path = Path(slide(tmp_path / "a.scn", compress="deflate"))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = b"\xff" * 2000
    path.write_bytes(data)
    with pytest.raises(RasterError, match=r"cannot (open|read) "):
        read_whole(str(path))


@needs_openslide
def test_limits_and_kinds_hold(tmp_path: Path) -> None:
    uri = slide(tmp_path / "a.ndpi")
    for key, value in (("max_pixels", 10), ("max_bands", 3), ("max_block_bytes", 1000)):
        with pytest.raises(RasterError, match=key):
            raster.view_of(scene_of(uri), Reading(**{key: value}))  # type: ignore[arg-type]  # each an int
    with pytest.raises(RasterError, match="none of the drivers allowed"):
        raster.view_of(scene_of(uri), Reading(drivers=("GTiff",)))
    with pytest.raises(RasterError, match="on another machine"):
        raster.view_of(scene_of("s3://bucket/a.ndpi"))
    with pytest.raises(RasterError, match=r"gone\.mrxs does not exist"):
        raster.view_of(scene_of(str(tmp_path / "gone.mrxs")))
    (tmp_path / "text.dcm").write_text("hello")
    with pytest.raises(RasterError, match=r"cannot open .*text\.dcm"):
        raster.view_of(scene_of(str(tmp_path / "text.dcm")))


def test_without_the_extra_a_slide_is_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = slide(tmp_path / "a.ndpi")
    monkeypatch.setitem(sys.modules, "openslide", None)
    with pytest.raises(RasterError, match=r"pip install 'mrovseg\[slides\]'"):
        raster.view_of(scene_of(uri))


def test_an_svs_says_how_large_its_pixels_are(tmp_path: Path) -> None:
    uri = slide(tmp_path / "a.svs")
    assert raster.view_of(scene_of(uri)).header.pixel_m is None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        target = rasterio.open(uri, "r+")
    with target:
        target.update_tags(TIFFTAG_IMAGEDESCRIPTION=APERIO)
    view = raster.view_of(scene_of(uri), Reading(gsd_m=1e-6))
    assert (view.header.height, view.header.width) == (SIDE // 2, SIDE // 2)
    assert view.header.pixel_m == pytest.approx((1e-6, 1e-6))


@pytest.mark.parametrize("text", ["", "MPP = 0.5", "Aperio|MPP = x", "Aperio|MPP = 0", "Aperio|MPP = 1.2.3"])
def test_what_is_no_size_is_none(text: str) -> None:
    assert stated_pixel_m(text) is None


def test_a_picture_of_the_label_is_no_overview(shared_data: Path) -> None:
    """GDAL takes the pictures of a slide's label and box for overviews."""
    uri = str(shared_data / "gigapixel" / "libvips" / "CMU-1-Small-Region.svs")
    view = raster.view_of(scene_of(uri), Reading(gsd_m=2e-6))
    assert view.base is not None
    assert view.base.overview is None


def test_slides_in_a_folder_are_scenes_and_miraxs_folder_is_none(tmp_path: Path) -> None:
    for name in ("a.mrxs", "a/Data0000.dat", "a/Index.dat", "b.NDPI", "c.dcm"):
        objects.put_bytes(Location(str(tmp_path / name)), b"x")
    assert [Path(scene.uri).name for scene in list_scenes([str(tmp_path)])] == ["a.mrxs", "b.NDPI"]
    first = slide_info(Location(str(tmp_path / "a.mrxs")))
    assert first.size_bytes == 3
    objects.put_bytes(Location(str(tmp_path / "a" / "Data0000.dat")), b"yy")
    assert slide_info(Location(str(tmp_path / "a.mrxs"))) != first
