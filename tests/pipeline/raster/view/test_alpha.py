"""Bands flagged alpha: masks, unless the user knows better; and what they look like is said."""

from pathlib import Path

import numpy as np
import pytest

from jobs.run.settings.keys import build
from pipeline import raster
from pipeline.config import Reading
from pipeline.errors import ConfigError, RasterError
from pipeline.sources.naming import scene_of
from tests.pipeline.rasters import read_whole, write

SIDE = 128
FLAGS = ["red", "green", "blue", "alpha"]


def near_infrared(dtype: str = "uint8") -> np.ndarray:
    """Red, green, blue and a near infrared that water swallows whole."""
    pixels = np.random.default_rng(0).integers(1, 250, (4, SIDE, SIDE)).astype(dtype)
    pixels[3, 40:60, 20:90] = 0
    return pixels


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_what_the_user_says_is_no_alpha_is_no_mask(tmp_path: Path, dtype: str) -> None:
    pixels = near_infrared(dtype)
    uri = write(tmp_path / "naip.tif", pixels, colorinterp=FLAGS)
    assert np.array_equal(read_whole(uri)[1], pixels[3] > 0)
    found, valid = read_whole(uri, alpha="none")
    assert valid.all()
    if dtype == "uint8":
        assert np.array_equal(found, np.moveaxis(pixels[:3], 0, -1))
    assert raster.view_of(scene_of(uri), Reading(alpha="none")).validity == ()


def test_a_band_that_is_shown_is_no_mask(tmp_path: Path) -> None:
    pixels = near_infrared()
    found, valid = read_whole(write(tmp_path / "a.tif", pixels, colorinterp=FLAGS), bands=(4, 1, 2))
    assert valid.all()
    assert np.array_equal(found, np.moveaxis(pixels[[3, 0, 1]], 0, -1))


def test_other_masks_stay_without_alpha(tmp_path: Path) -> None:
    pixels = near_infrared()
    pixels[:3, :10] = 7
    uri = write(tmp_path / "a.tif", pixels, colorinterp=FLAGS, nodata=7)
    assert np.array_equal(read_whole(uri, alpha="none")[1], (pixels[:3] != 7).any(axis=0))


def test_transparent_colours_are_of_alpha_too(tmp_path: Path) -> None:
    numbers = (np.arange(SIDE * SIDE).reshape(1, SIDE, SIDE) % 3).astype(np.uint8)
    palette = {0: (9, 8, 7, 255), 1: (255, 0, 0, 0), 2: (0, 0, 255, 255)}
    uri = write(tmp_path / "a.png", numbers, palette=palette, driver="PNG", crs=None)
    assert np.array_equal(read_whole(uri)[1], numbers[0] != 1)
    found, valid = read_whole(uri, alpha="none", nodata="none")
    assert valid.all()
    assert (found[numbers[0] == 1] == (255, 0, 0)).all()


def feathered() -> np.ndarray:
    """A mask with a soft edge of eight pixels."""
    columns = np.clip((np.arange(SIDE) - 30) / 8, 0, 1) * 255
    return np.broadcast_to(columns, (SIDE, SIDE)).astype(np.uint8)


MASKS = {
    "hard": np.where(feathered() > 0, 255, 0),
    "feathered": feathered(),
    "zeros and ones": (feathered() > 0).astype(int),
    "opaque": np.full((SIDE, SIDE), 255),
    "clear": np.zeros((SIDE, SIDE), int),
}
PICTURES = {"near infrared": near_infrared()[3], "dull": np.where(near_infrared()[3], 120, 0)}


@pytest.mark.parametrize("name", [*MASKS, *PICTURES])
def test_an_alpha_that_looks_like_a_picture_is_told(tmp_path: Path, name: str) -> None:
    pixels = near_infrared()
    pixels[3] = (MASKS | PICTURES)[name]
    uri = write(tmp_path / "a.tif", pixels, colorinterp=FLAGS)
    warnings = " ".join(raster.view_of(scene_of(uri)).warnings)
    assert ("band 4 is flagged alpha" in warnings) == (name in PICTURES)
    assert "flagged alpha" not in " ".join(raster.view_of(scene_of(uri), Reading(alpha="none")).warnings)


def test_a_large_scene_is_told_by_samples(tmp_path: Path) -> None:
    pixels = np.ones((4, 2200, 2200), np.uint8)
    pixels[3] = np.arange(2200) % 200
    uri = write(tmp_path / "a.tif", pixels, colorinterp=FLAGS, tiled=True)
    assert "band 4 is flagged alpha" in " ".join(raster.view_of(scene_of(uri)).warnings)


def test_points_and_an_alpha_that_is_none_are_refused_clearly(tmp_path: Path) -> None:
    from rasterio.control import GroundControlPoint  # noqa: PLC0415 - of this one test

    corners = [(0, 0), (0, SIDE), (SIDE, 0), (SIDE, SIDE)]
    points = [GroundControlPoint(row, col, 500_000 + col, 5_000_000 - row) for row, col in corners]
    uri = write(tmp_path / "a.tif", near_infrared(), colorinterp=FLAGS, transform=None, gcps=points)
    assert 0 < read_whole(uri)[1].mean() < 1
    with pytest.raises(RasterError, match="alpha: none is not known: write it without the flag"):
        read_whole(uri, alpha="none")


def test_it_is_a_key_as_any() -> None:
    assert build(Reading, {"alpha": "none"}) == Reading(alpha="none")
    assert build(Reading, {"alpha": None}) == Reading()
    with pytest.raises(ConfigError, match="alpha must be none"):
        build(Reading, {"alpha": "yes"})
