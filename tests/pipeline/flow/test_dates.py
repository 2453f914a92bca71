"""When a scene was taken: by its list, else by the name of its file, else by that file."""

from dataclasses import replace
from pathlib import Path

import pytest
import rasterio

from pipeline.config import Reading
from pipeline.flow import scene_inputs
from pipeline.geometry.scene import Scene
from pipeline.output import Output
from pipeline.sources.naming import scene_of
from tests.pipeline.flows import paint

PATTERN = "S2_%Y%m%dT%H%M%S"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    path = paint(tmp_path / "T32_S2_20240531T102030.tif", height=64, width=64)
    with rasterio.open(path, "r+") as raster:
        raster.update_tags(TIFFTAG_DATETIME="2021:01:02 03:04:05")
    return scene_of(str(path))


@pytest.mark.parametrize(
    ("listed", "pattern", "date"),
    [
        ("2020-01-01T00:00:00Z", PATTERN, "2020-01-01T00:00:00Z"),
        (None, PATTERN, "2024-05-31T10:20:30"),
        (None, "L8_%Y%m%d", "2021-01-02T03:04:05"),
        (None, None, "2021-01-02T03:04:05"),
    ],
)
def test_a_list_comes_before_a_name_and_a_name_before_the_file(
    scene: Scene, tmp_path: Path, listed: str | None, pattern: str | None, date: str
) -> None:
    reading = Reading(datetime_pattern=pattern)
    dated = replace(scene, datetime=listed)
    view = scene_inputs.pin_view(Output(str(tmp_path / "out")), dated, reading)
    assert view.datetime == date
    assert any("datetime_pattern" in warning for warning in view.warnings) == (pattern == "L8_%Y%m%d")


def test_the_date_that_is_noted_stays(scene: Scene, tmp_path: Path) -> None:
    output = Output(str(tmp_path / "out"))
    first = scene_inputs.pin_view(output, scene, Reading(datetime_pattern=PATTERN))
    assert scene_inputs.pin_view(output, scene, Reading()).datetime == first.datetime
