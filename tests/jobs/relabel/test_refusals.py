"""What cannot be labelled again is refused before anything starts, and says what to do."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs import segment
from mrovseg.weights.header import EMBEDDED, file_of
from tests.jobs.conftest import FinishedRun, PaintScene
from tests.jobs.relabel.relabelling import WORDS, copied, run
from tests.jobs.test_segment import FLAGS, files

pytestmark = pytest.mark.slow


def changed(output: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Change an output's record, as an earlier version would have written it: without a digest."""
    record = json.loads((output / "run.json").read_text())
    del record["digest"]
    change(record)
    (output / "run.json").write_text(json.dumps(record))
    return output


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What is said of a command that starts nothing."""
    capsys.readouterr()
    assert run(*arguments) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("mrovseg: ")]
    return said[-1]


def test_an_output_that_is_none_or_keeps_no_proposals_is_refused(
    finished: FinishedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    asked = ("--classes", WORDS, "-o", other)
    assert "holds no run.json" in refused(capsys, tmp_path, *asked)
    for name, change, words in (
        ("older", lambda record: record.update(format=3), "is of format 3"),
        (
            "without",
            lambda record: record["contents"].update(proposals=False),
            "was made with --no-proposals",
        ),
        (
            "labelled",
            lambda record: record.update(source={"output": "/from", "run": "0"}),
            "was itself labelled from /from, which keeps the proposals: give that",
        ),
    ):
        source = copied(finished, tmp_path / name)
        changed(source, change)
        if name != "older":
            rewrite_digest(source)
        said = refused(capsys, source, *asked)
        assert words in said
        assert name == "labelled" or "segment its scenes into another output" in said
    assert not other.exists()


def rewrite_digest(output: Path) -> None:
    """Have a record be whole again."""
    from jobs.run import run_record  # noqa: PLC0415 - beside its only use

    record = json.loads((output / "run.json").read_text())
    record["digest"] = run_record._digest(record)
    (output / "run.json").write_text(json.dumps(record))


def test_the_same_output_other_words_and_other_verbs_are_refused(
    finished: FinishedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, link = tmp_path / "other", tmp_path / "link"
    link.symlink_to(finished.output)
    before = files(finished.output)
    for same in (finished.output, link, f"{finished.output}/"):
        assert "is the output whose proposals are labelled" in refused(
            capsys, finished.output, "--classes", WORDS, "-o", same
        )
    assert "go on with it by `mrovseg segment -o" in refused(capsys, "-o", finished.output)
    assert files(finished.output) == before
    assert run(finished.output, "--classes", WORDS, "-o", other) == 0
    made = files(other)
    assert "vocabulary was" in refused(capsys, finished.output, "--classes", "road", "-o", other)
    assert segment.main(["-o", str(other)]) == 2
    assert f"go on with it by `mrovseg relabel -o {other}`" in capsys.readouterr().err
    scene = [str(finished.scene), "--classes", WORDS, "-o", str(other), "--no-proposals"]
    assert segment.main([*scene, *FLAGS]) == 2
    assert "source was" in capsys.readouterr().err
    assert files(other) == made


def test_no_scene_that_is_there_starts_nothing(
    finished: FinishedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    chosen = ("--scenes", "b-0123456789abcdef")
    assert "has none of the scenes" in refused(
        capsys, finished.output, "--classes", WORDS, "-o", other, *chosen
    )
    assert not other.exists()


@pytest.mark.usefixtures("ray_cluster")
def test_words_are_embedded_by_the_checkpoint_that_made_the_proposals(
    finished: FinishedRun, paint_scene: PaintScene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own, another = tmp_path / "own.safetensors", tmp_path / "another.safetensors"
    shutil.copy(file_of(EMBEDDED), own)
    data = bytearray(own.read_bytes())
    data[-1] ^= 1  # of the last weight
    another.write_bytes(bytes(data))
    source, other = tmp_path / "source", tmp_path / "other"
    scene = paint_scene("small.tif", height=200, width=200)
    given = [str(scene), "--classes", "road", "-o", str(source), "--checkpoint", str(another)]
    assert segment.main([*given, *FLAGS]) == 0
    asked = (source, "--classes", WORDS, "-o", other)
    said = refused(capsys, *asked)
    assert "a checkpoint that is not embedded" in said
    assert "--checkpoint" in said
    for wrong in (EMBEDDED, own):
        said = refused(capsys, *asked, "--checkpoint", wrong)
        assert "were made by another checkpoint" in said
    assert not other.exists()
    assert run(*asked, "--checkpoint", another) == 0
    assert run("-o", other) == 0
    assert run(finished.output, "--classes", WORDS, "-o", tmp_path / "again", "--checkpoint", own) == 0
