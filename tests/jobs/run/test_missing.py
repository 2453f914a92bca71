"""What is known to be missing is said at once, and nothing is started for it."""

import time
from pathlib import Path

import pytest

from jobs import segment
from jobs.run.missing import say_missing
from pipeline.errors import ConfigError
from pipeline.sources import SceneList
from tests.jobs.conftest import PaintScene


def test_where_every_scene_is_missing_nothing_is_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.txt").write_text("a.tif\nb.tif\nneither a path nor an uri\n")
    for scenes, named in (
        ([tmp_path / "none.tif"], ["none.tif does not exist"]),
        ([tmp_path / "list.txt"], ["a.tif does not exist", "b.tif does not exist", "neither a path"]),
    ):
        began_s = time.monotonic()
        arguments = [*map(str, scenes), "--classes", "road", "-o", str(tmp_path / "out")]
        assert segment.main(arguments) == 2
        said = capsys.readouterr().err
        assert all(each in said for each in named)
        assert len(said.splitlines()) == 1
        assert time.monotonic() - began_s < 5
    assert not (tmp_path / "out").exists()


def test_what_is_missing_beside_others_is_said_and_the_run_goes_on(
    paint_scene: PaintScene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = paint_scene("a.tif", height=64, width=64)
    (tmp_path / "list.csv").write_text("uri\na.tif\nnone.tif\n")
    capsys.readouterr()
    say_missing(SceneList((str(tmp_path / "gone.tif"), str(tmp_path / "list.csv"))))
    said = capsys.readouterr().err.splitlines()
    assert [line.split(" does not exist")[0].rpartition("/")[2] for line in said] == ["gone.tif", "none.tif"]
    say_missing(SceneList((str(scene), str(tmp_path))))
    say_missing(SceneList(("https://127.0.0.1:9/none.tif",)))
    assert capsys.readouterr().err == ""


def test_of_a_long_list_the_beginning_is_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.txt").write_text("".join(f"{number}.tif\n" for number in range(5000)))
    say_missing(SceneList((str(tmp_path / "list.txt"),)))
    assert "and 980 more of the first 1000" in capsys.readouterr().err
    (tmp_path / "list.txt").write_text("".join(f"{number}.tif\n" for number in range(500)))
    with pytest.raises(ConfigError, match="and 480 more"):
        say_missing(SceneList((str(tmp_path / "list.txt"),)))
