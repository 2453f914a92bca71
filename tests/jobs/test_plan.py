"""`mrovseg plan` counts what a run would do, and does nothing."""

from pathlib import Path

import pytest

from jobs import plan
from pipeline.chips import ChipLayout
from pipeline.scene import scene_of
from tests.jobs.conftest import PaintScene

LAYOUT = ChipLayout(core_px=512, halo_px=32)


@pytest.mark.parametrize(
    ("height", "width", "window_px", "windows", "chips"),
    [(600, 700, 1024, 1, 4), (600, 700, 512, 4, 4), (512, 512, 512, 1, 1), (600, 700, 256, 9, 9)],
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
