"""`mrovseg plan` counts what a run would do, and does nothing."""

from pathlib import Path

import pytest

from jobs import plan
from pipeline.geometry.chips import ChipLayout
from pipeline.geometry.scene import Band
from pipeline.sources.naming import scene_of
from tests.jobs.conftest import PaintScene

LAYOUT = ChipLayout(side_px=576, step_px=512, stride_px=4)


@pytest.mark.parametrize(
    ("height", "width", "window_px", "windows", "chips"),
    [(600, 700, 1024, 1, 4), (600, 700, 512, 4, 16), (512, 512, 512, 1, 1), (600, 700, 256, 9, 25)],
)
def test_a_scene_is_counted(
    paint_scene: PaintScene, height: int, width: int, window_px: int, windows: int, chips: int
) -> None:
    file = paint_scene("a.tif", height=height, width=width)
    found = plan.plan_scene(scene_of(str(file)), window_px=window_px, layout=LAYOUT)
    assert (found.windows, found.pixels, found.chips) == (windows, height * width, chips)
    assert found.size_bytes == file.stat().st_size


def test_the_sum_is_printed_and_a_broken_scene_named(
    paint_scene: PaintScene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenes = [paint_scene("a.tif", height=100, width=200), paint_scene("b.tif", height=300, width=100)]
    broken = tmp_path / "empty.tif"
    broken.touch()
    before = sorted(tmp_path.iterdir())
    assert plan.main([*map(str, scenes), str(broken)]) == 3
    said = capsys.readouterr()
    assert "50,000" in said.out.splitlines()[-1]
    assert "empty.tif" in said.err
    assert sorted(tmp_path.iterdir()) == before


def test_of_a_long_list_the_first_scenes_are_opened_and_that_is_said(
    paint_scene: PaintScene,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scenes = [paint_scene(f"{number}.tif", height=100, width=100) for number in range(3)]
    (tmp_path / "list.txt").write_text("\n".join([*(path.name for path in scenes), "none.tif"]))
    monkeypatch.setattr(plan, "OPENED", 2)
    assert plan.main([f"{tmp_path}/list.txt"]) == 0
    assert "the first 2 of 4 scenes" in capsys.readouterr().out
    assert plan.main([f"{tmp_path}/list.txt", "--all"]) == 3
    said = capsys.readouterr()
    assert "30,000" in said.out.splitlines()[-1]
    assert "none.tif does not exist" in said.err


def test_a_list_that_names_nothing_is_bad_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plan.main([f"{tmp_path}/none.txt"]) == 2
    assert "none.txt does not exist" in capsys.readouterr().err


def test_the_files_of_a_scene_of_three_are_all_counted(paint_scene: PaintScene) -> None:
    files = [paint_scene(f"{colour}.tif", height=100, width=100) for colour in ("red", "green", "blue")]
    red, green, blue = (Band(str(file), 1) for file in files)
    found = plan.plan_scene(scene_of(red.uri, bands=(red, green, blue)), window_px=512, layout=LAYOUT)
    assert found.size_bytes == sum(file.stat().st_size for file in files)
