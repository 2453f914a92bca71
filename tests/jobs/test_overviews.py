"""`overviews` makes what a run of an earlier version did not, to the byte of what a run of this one makes."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from jobs import overviews, verify
from jobs.run import run_record
from jobs.run.exit_codes import ExitCode
from pipeline.output import Output
from tests.jobs.conftest import FinishedRun
from tests.jobs.run.test_run_record import description


def digests(output: Path) -> dict[str, str]:
    """The SHA-256 of every file of an output."""
    files = sorted(path for path in output.rglob("*") if path.is_file())
    return {str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def without_colours(found: Any) -> Any:  # noqa: ANN401 - what JSON holds
    """Take out, at any depth, what the format before did not have."""
    if isinstance(found, list):
        return [without_colours(each) for each in found]
    if not isinstance(found, dict):
        return found
    return {key: without_colours(each) for key, each in found.items() if key not in {"flag_colors", "colors"}}


def make_older(output: Path) -> None:
    """Make an output one of the format before: without overviews, and without colours."""
    shutil.rmtree(output / "overviews")
    for root in output.glob("scenes/*/masks.zarr"):
        shutil.rmtree(root / "1")
        for path in root.rglob("zarr.json"):
            path.write_text(json.dumps(without_colours(json.loads(path.read_text()))))
        said = json.loads((root / "zarr.json").read_text())
        said["attributes"]["multiscales"]["layout"] = said["attributes"]["multiscales"]["layout"][:1]
        (root / "zarr.json").write_text(json.dumps(said))
    record = json.loads((output / "run.json").read_text())
    run_record._write(Output(str(output)), without_colours(record) | {"format": run_record.UPGRADABLE})


@pytest.mark.slow
def test_an_output_of_the_format_before_becomes_what_a_run_makes_now(
    changeable: FinishedRun, capsys: pytest.CaptureFixture[str]
) -> None:
    output = changeable.output
    before = digests(output)
    make_older(output)
    assert verify.main([str(output)]) == ExitCode.BAD_USAGE
    assert "`mrovseg overviews" in capsys.readouterr().err
    assert overviews.main([str(output)]) == ExitCode.DONE
    assert "overviews of 1 scenes are made" in capsys.readouterr().out
    assert digests(output) == before
    assert overviews.main([str(output)]) == ExitCode.DONE
    assert "overviews of 0 scenes are made, and those of 1 are as they should be" in capsys.readouterr().out
    assert verify.main([str(output)]) == ExitCode.DONE


@pytest.mark.slow
def test_a_scene_with_a_damaged_chunk_has_none_and_says_why(
    changeable: FinishedRun, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(changeable.output / "overviews")
    chunk = next(changeable.output.glob("scenes/*/masks.zarr/0/class/c/0/0"))
    chunk.write_bytes(b"damaged")
    assert overviews.main([str(changeable.output)]) == ExitCode.DONE_WITH_FAILURES
    assert "has no overviews" in capsys.readouterr().err


def test_what_is_no_output_or_of_a_much_older_format_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert overviews.main([str(tmp_path)]) == ExitCode.BAD_USAGE
    assert "holds no whole run.json" in capsys.readouterr().err
    run_record._write(Output(str(tmp_path)), description(tmp_path) | {"format": 3})
    assert overviews.main([str(tmp_path)]) == ExitCode.BAD_USAGE
    assert "is of format 3" in capsys.readouterr().err
