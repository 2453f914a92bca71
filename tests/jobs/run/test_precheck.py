"""What is wrong with an area or a ground size is said before a run starts, and by the verbs that look."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio

from jobs import inspect, plan, segment
from jobs.run.precheck import FEW, warnings_ahead
from pipeline.aoi import parse
from pipeline.config import Reading
from pipeline.errors import ConfigError
from pipeline.sources import SceneList
from tests.pipeline.rasters import write

TOUCHED, MISSED = "-122.43,37.76,-122.42,37.77", "-22.43,37.76,-22.42,37.77"


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A scene of 0.7 m a pixel in San Francisco."""
    path = tmp_path / "a.tif"
    place = rasterio.Affine(0.7, 0, 550_000, 0, -0.7, 4_180_000)
    write(path, np.zeros((3, 300, 300), np.uint8), crs="EPSG:32610", transform=place)
    return path


def said(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    found = capsys.readouterr()
    return found.out, found.err


def test_an_area_that_misses_every_scene_ends_a_run_before_it_starts(
    scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert segment.main([str(scene), "--classes", "road", "-o", str(output), "--aoi", MISSED]) == 2
    assert "aoi does not touch any scene" in said(capsys)[1]
    assert not output.exists()
    assert plan.main([str(scene), "--aoi", MISSED]) == 0
    assert "aoi does not touch any scene" in said(capsys)[1]
    assert inspect.main([str(scene), "--json", "--aoi", MISSED]) == 0
    assert "aoi does not touch it" in json.loads(said(capsys)[0])["warnings"]
    for verb in (plan, inspect):
        assert verb.main([str(scene), "--aoi", TOUCHED]) == 0
        assert "does not touch" not in "".join(said(capsys))


def test_a_run_of_scenes_that_cannot_all_be_looked_at_is_begun(scene: Path, tmp_path: Path) -> None:
    (tmp_path / "b.tif").write_text("no picture")
    reading = Reading(aoi=parse(MISSED))
    assert warnings_ahead(SceneList((str(scene), str(tmp_path / "b.tif"))), reading) == []
    for number in range(FEW):
        (tmp_path / f"{number}.tif").symlink_to(scene)
    assert warnings_ahead(SceneList((str(tmp_path),)), reading) == []
    with pytest.raises(ConfigError, match="does not touch any"):
        warnings_ahead(SceneList((str(scene),)), reading)
    assert warnings_ahead(SceneList((str(scene),)), Reading(aoi=parse(TOUCHED))) == []


def test_a_ground_size_finer_than_pixels_is_said_with_its_factor(
    scene: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with rasterio.open(scene) as source:
        megapixels = source.height * source.width * 49 / 1e6
    assert plan.main([str(scene), "--gsd", "0.1"]) == 0
    assert f"7 times a side ({scene.stem}" in (told := said(capsys)[1])
    assert f"{megapixels:.1f} Mpx" in told
    assert inspect.main([str(scene), "--json", "--gsd", "0.1"]) == 0
    assert any("7 x 7 pixels are made of each" in each for each in json.loads(said(capsys)[0])["warnings"])
    (warning,) = warnings_ahead(SceneList((str(scene),)), Reading(gsd_m=0.1))
    assert "gsd 0.1 m is finer than the pixels of 1 of 1 scenes, at most 7 times" in warning
    for coarser in ("0.7", "1.4"):
        assert plan.main([str(scene), "--gsd", coarser]) == 0
        assert "finer" not in said(capsys)[1]
