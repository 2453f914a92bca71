"""What has no data has none at any ground size, whoever made the overviews and whether they have a mask or none."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import raster
from pipeline.config import Reading
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.scene import Band, Scene
from pipeline.sources.naming import scene_of
from tests.pipeline.rasters import extent, write

SIDE = 512
MASK = np.ones((SIDE, SIDE), bool)
MASK[:250, :400] = False
PIXELS = np.random.default_rng(0).integers(1, 255, (3, SIDE, SIDE)).astype(np.uint8)
PIXELS[:, ~MASK] = 0
RGB = {"photometric": "RGB"}


@contextmanager
def gdal(**options: object) -> Iterator[None]:
    with rasterio.Env(**options):
        yield


def build(uri: str, *, apart: bool = False) -> None:
    with gdal(TIFF_USE_OVR=apart), rasterio.open(uri, "r+") as target:
        target.build_overviews([2, 4, 8], rasterio.enums.Resampling.nearest)


def mask(uri: str, *, apart: bool = False) -> None:
    with gdal(GDAL_TIFF_INTERNAL_MASK=not apart), rasterio.open(uri, "r+") as target:
        target.write_mask(MASK)


def masked_scene(path: Path, *, mask_apart: bool, overviews_apart: bool, mask_first: bool) -> str:
    """Write a scene with a mask and overviews inside or beside it, one before the other."""
    uri = write(path, PIXELS, **RGB)
    if mask_first:
        mask(uri, apart=mask_apart)
    build(uri, apart=overviews_apart)
    if not mask_first:
        mask(uri, apart=mask_apart)
    return uri


def share_without_data(uri: str, gsd_m: float) -> float:
    reading = Reading(gsd_m=gsd_m)
    view = raster.view_of(scene_of(uri), reading)
    return float((~raster.read_view(view, extent(view), reading)[1]).mean())


def expected_share(gsd_m: float) -> float:
    """Of pixels that are mostly without data at full resolution, of 2 m."""
    step = int(gsd_m / 2)
    blocks = MASK.reshape(SIDE // step, step, SIDE // step, step).mean(axis=(1, 3))
    return float((blocks < 0.5).mean())


@pytest.mark.parametrize("mask_first", [True, False])
@pytest.mark.parametrize("overviews_apart", [True, False])
@pytest.mark.parametrize("mask_apart", [True, False])
def test_a_mask_holds_at_any_ground_size(
    tmp_path: Path, *, mask_apart: bool, overviews_apart: bool, mask_first: bool
) -> None:
    uri = masked_scene(
        tmp_path / "a.tif", mask_apart=mask_apart, overviews_apart=overviews_apart, mask_first=mask_first
    )
    for gsd_m in (4.0, 8.0, 16.0, 32.0):
        assert share_without_data(uri, gsd_m) == pytest.approx(
            expected_share(gsd_m), abs=2 * gsd_m / 2 / SIDE
        )
    _, valid = raster.read_small(raster.view_of(scene_of(uri)), 128)
    assert 1 - valid.mean() == pytest.approx(1 - MASK.mean(), abs=0.02)


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("apart", [True, False])
def test_so_does_that_of_a_virtual_raster(tmp_path: Path, *, apart: bool, beside: bool) -> None:
    """Its own overviews, or none but those of its files."""
    tile = masked_scene(tmp_path / "tile.tif", mask_apart=apart, overviews_apart=False, mask_first=not beside)
    uri = str(tmp_path / "a.vrt")
    rasterio.shutil.copy(tile, uri, driver="VRT")
    if beside:
        with rasterio.open(uri, "r+") as target:
            target.build_overviews([2, 4], rasterio.enums.Resampling.nearest)
    for gsd_m in (4.0, 8.0, 16.0):
        assert share_without_data(uri, gsd_m) == pytest.approx(expected_share(gsd_m), abs=gsd_m / SIDE)


def test_overviews_that_have_the_mask_are_read_and_others_told(tmp_path: Path) -> None:
    whole = masked_scene(tmp_path / "a.tif", mask_apart=False, overviews_apart=False, mask_first=True)
    view = raster.view_of(scene_of(whole), Reading(gsd_m=8.0))
    assert view.base is not None
    assert view.base.overview == 1
    assert not any("overviews" in text for text in view.warnings)
    bare = masked_scene(tmp_path / "b.tif", mask_apart=False, overviews_apart=False, mask_first=False)
    view = raster.view_of(scene_of(bare), Reading(gsd_m=8.0))
    assert view.base is not None
    assert view.base.overview is None
    assert "3 of its overviews do not have its no data" in " ".join(view.warnings)


def test_a_mask_of_nothing_but_data_leaves_the_overviews_alone(tmp_path: Path) -> None:
    uri = write(tmp_path / "a.tif", PIXELS, mask=np.ones_like(MASK), **RGB)
    build(uri)
    view = raster.view_of(scene_of(uri), Reading(gsd_m=16.0))
    assert view.base is not None
    assert view.base.overview == 2


def test_overviews_of_other_no_data_are_left_out(tmp_path: Path) -> None:
    """Another program's, beside the file, that says nothing of no data."""
    uri = write(tmp_path / "a.tif", PIXELS, nodata=0, **RGB)
    small = write(tmp_path / "small.tif", PIXELS[:, ::2, ::2], **RGB)
    os.replace(small, f"{uri}.ovr")  # noqa: PTH105 - of uris
    with rasterio.open(uri) as source:
        assert source.overviews(1) == [2]
    assert share_without_data(uri, 4.0) == pytest.approx(expected_share(4.0), abs=4 / SIDE)


def test_stretching_looks_at_valid_pixels_alone(tmp_path: Path) -> None:
    """A large scene is measured by an overview, and one without the mask has what lies below it."""
    side = 2200
    pixels = np.full((1, side, side), 30_000, np.uint16)
    pixels[0, :1000] = np.random.default_rng(0).integers(1000, 2000, (1000, side))
    uri = write(tmp_path / "a.tif", pixels, tiled=True, compress="lzw")
    build(uri)
    valid = np.zeros((side, side), bool)
    valid[:1000] = True
    with rasterio.open(uri, "r+") as target:
        target.write_mask(valid)
    (limits,) = raster.view_of(scene_of(uri)).ranges
    assert limits is not None
    assert limits[1] < 2000


def test_each_file_of_a_scene_must_have_its_mask(tmp_path: Path) -> None:
    uris = [
        masked_scene(tmp_path / f"{place}.tif", mask_apart=False, overviews_apart=False, mask_first=place > 0)
        for place in range(3)
    ]
    red, green, blue = (Band(uri, 1) for uri in uris)
    view = raster.view_of(Scene("north", uris[0], (red, green, blue)))
    _, valid = raster.read_small(view, 128)
    assert 1 - valid.mean() == pytest.approx(1 - MASK.mean(), abs=0.02)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(row=st.integers(0, 400), col=st.integers(0, 400), side=st.integers(20, 112), mask_first=st.booleans())
def test_a_hole_anywhere_is_there_at_any_ground_size(
    tmp_path: Path, *, row: int, col: int, side: int, mask_first: bool
) -> None:
    hole = np.ones((SIDE, SIDE), bool)
    hole[row : row + side, col : col + side] = False
    uri = write(tmp_path / "a.tif", PIXELS + 1, **RGB)
    for step in (1, 2) if mask_first else (2, 1):
        if step == 1:
            with rasterio.open(uri, "r+") as target:
                target.write_mask(hole)
        else:
            build(uri)
    assert share_without_data(uri, 8.0) == pytest.approx(1 - hole.mean(), abs=0.02 + 16 * side / SIDE**2)


@pytest.mark.parametrize("mask_first", [True, False])
def test_windows_of_any_size_agree(tmp_path: Path, *, mask_first: bool) -> None:
    uri = masked_scene(tmp_path / "a.tif", mask_apart=False, overviews_apart=False, mask_first=mask_first)
    reading = Reading(gsd_m=7.0)
    view = raster.view_of(scene_of(uri), reading)
    whole = raster.read_view(view, extent(view), reading)
    for window in plan_windows(view.header.height, view.header.width, window_px=50):
        part = raster.read_view(view, window, reading)
        for one, all_ in zip(part, whole, strict=True):
            assert np.array_equal(one, all_[window.slices_in(extent(view))])
