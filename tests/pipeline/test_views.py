"""How a scene is read is decided once an output, and kept."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from pipeline.config import PLAIN
from pipeline.errors import RasterError
from pipeline.flow.views import view_of
from pipeline.scene import Band, Scene, scene_of
from tests.pipeline.flows import digests, run_flow
from tests.pipeline.rasters import write


def scene_of_16_bits(path: Path, *, seed: int = 0, side: int = 300) -> Scene:
    values = np.random.default_rng(seed).integers(100, 4000, (3, side // 10, side // 10)).astype(np.uint16)
    return scene_of(write(path, values.repeat(10, 1).repeat(10, 2)))


def kept(output: Path, scene: Scene) -> Path:
    return output / "views" / f"{scene.scene_id}.json"


def test_what_is_kept_is_what_later_runs_use(tmp_path: Path) -> None:
    scene, output = scene_of_16_bits(tmp_path / "a.tif"), tmp_path / "out"
    view = view_of(scene, output=str(output), reading=PLAIN)
    record = json.loads(kept(output, scene).read_text())
    assert view_of(scene, output=str(output), reading=PLAIN) == view
    record["view"]["ranges"] = [[0, 1], [2, 3], None]  # as of another version
    kept(output, scene).write_text(json.dumps(record))
    assert view_of(scene, output=str(output), reading=PLAIN).ranges == ((0, 1), (2, 3), None)


def test_the_same_scene_gives_the_same_bytes(tmp_path: Path) -> None:
    scene = scene_of_16_bits(tmp_path / "a.tif")
    for name in ("one", "two"):
        view_of(scene, output=str(tmp_path / name), reading=PLAIN)
    assert kept(tmp_path / "one", scene).read_bytes() == kept(tmp_path / "two", scene).read_bytes()


def test_a_file_that_changed_is_looked_at_again(tmp_path: Path) -> None:
    scene = scene_of_16_bits(tmp_path / "a.tif")
    before = view_of(scene, output=str(tmp_path / "out"), reading=PLAIN)
    scene_of_16_bits(tmp_path / "a.tif", seed=1)
    os.utime(tmp_path / "a.tif", ns=(1, 1))
    assert view_of(scene, output=str(tmp_path / "out"), reading=PLAIN).ranges != before.ranges


def test_a_scene_that_cannot_be_read_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"II*")
    with pytest.raises(RasterError, match=r"a\.tif is a text file"):
        view_of(scene_of(str(tmp_path / "a.tif")), output=str(tmp_path / "out"), reading=PLAIN)
    assert not (tmp_path / "out").exists()


def test_a_missing_band_is_named(tmp_path: Path) -> None:
    whole = scene_of_16_bits(tmp_path / "a.tif")
    bands = (Band(whole.uri, 1), Band(whole.uri, 2), Band(str(tmp_path / "gone.tif"), 1))
    with pytest.raises(RasterError, match=r"gone\.tif does not exist"):
        view_of(Scene("north", whole.uri, bands), output=str(tmp_path / "out"), reading=PLAIN)


@pytest.mark.usefixtures("ray_cluster")
def test_masks_of_16_bits_are_the_same_in_windows_of_any_size(tmp_path: Path) -> None:
    scene = Path(scene_of_16_bits(tmp_path / "a.tif", side=500).uri)
    found = []
    for side in (128, 512):
        result = run_flow([scene], tmp_path / f"{side}", window_px=side)
        assert not result.failures
        found.append(digests(tmp_path / f"{side}" / "scenes"))
    assert found[0] == found[1]
    assert any("class/c/" in name for name in found[0])
