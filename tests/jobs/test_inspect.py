"""`mrovseg inspect`: the header, what the policy makes of it, and what would be refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jobs import inspect
from pipeline import raster
from pipeline.sources.naming import scene_of
from tests.pipeline.rasters import UTM, write


@pytest.fixture
def scene(tmp_path: Path) -> str:
    """Four bands of 16 bits, the colours described, one half without data."""
    pixels = np.random.default_rng(0).integers(1, 4000, (4, 600, 700)).astype(np.uint16)
    pixels[:, :300] = 0
    names = ["blue", "green", "red", "nir"]
    return write(
        tmp_path / "a.tif", pixels, descriptions=names, nodata=0, overviews=[2, 4], photometric="minisblack"
    )


def inspected(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> list[dict[str, Any]]:
    assert inspect.main([*argv, "--json"]) == code
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_what_is_said_is_what_a_run_does(scene: str, capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = inspected(capsys, scene, "--window-px", "512", "--chunk-px", "512")
    view = raster.view_of(scene_of(scene))
    assert [band["number"] for band in found["bands"]] == [3, 2, 1]
    assert found["ranges"] == [list(limits) for limits in view.ranges if limits]
    assert (found["height"], found["width"], found["file_bands"], found["dtype"]) == (600, 700, 4, "uint16")
    assert found["transform"] == list(UTM)
    assert found["gsd_m"] == pytest.approx(2.0008, abs=1e-3)
    assert found["without_data"] == ["nodata 0"]
    assert (found["windows"], found["warnings"], found["overview"]) == (4, [], None)
    assert found["size_bytes"] == Path(scene).stat().st_size


def test_flags_of_reading_count(scene: str, capsys: pytest.CaptureFixture[str]) -> None:
    box = "SRID=32633;500000,4999900,500100,5000000"
    flags = ["--bands", "4", "--range", "0,4000", "--nodata", "none", "--gsd", "4", "--aoi", box]
    (found,) = inspected(capsys, scene, *flags, "--window-px", "128", "--chunk-px", "128")
    assert [band["number"] for band in found["bands"]] == [4]
    assert (found["ranges"], found["without_data"], found["overview"]) == ([[0, 4000]], [], 0)
    assert (found["height"], found["width"], found["windows"]) == (300, 350, 1)


def test_a_scene_that_would_be_refused_is_named_and_the_others_told(
    scene: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.tif").write_text("this is no picture")
    broken, told = inspected(capsys, str(tmp_path / "text.tif"), scene, code=3)
    assert "text file" in broken["error"]
    assert told["height"] == 600


def test_lines_are_for_reading(scene: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert inspect.main([scene]) == 0
    said = capsys.readouterr().out
    for text in (
        "600 rows x 700 columns",
        "rgb of bands 3, 2, 1",
        "nodata 0",
        "WGS 84 / UTM zone 33N",
        "2.001 m",
    ):
        assert text in said


def test_a_small_picture_is_the_scene_as_it_is_read(scene: str, tmp_path: Path) -> None:
    assert inspect.main([scene, "--pictures", str(tmp_path / "small")]) == 0
    (path,) = (tmp_path / "small").glob("*.png")
    picture = np.asarray(Image.open(path))
    assert max(picture.shape[:2]) == inspect.PICTURE_PX
    middle = len(picture) // 2
    assert (picture[: middle - 2, :, 3] == 0).all()
    assert (picture[middle + 2 :, :, 3] == 255).all()
    assert 100 < picture[middle + 2 :, :, :3].mean() < 155
