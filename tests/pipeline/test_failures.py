"""Failures outlive the run that met them: on disk as they happen, and until they are tried again."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline import objects
from pipeline.errors import LeaseLostError, PipelineError, RasterError
from pipeline.flow import Progress
from pipeline.flow.chain import _ending
from pipeline.flow.hearing import ChainBroken
from pipeline.flow.records import Planned, attempt
from pipeline.flow.watch import Guard, Work
from pipeline.geometry.scene import Scene
from pipeline.geometry.window import Window
from pipeline.location import Location
from pipeline.output import Output
from pipeline.raster.gdal import faults_as
from pipeline.statistics import Failure, failures_table


def failed(scene_id: str, **where: Any) -> Failure:  # noqa: ANN401 - a Failure's
    return Failure(scene_id=scene_id, uri=f"{scene_id}.tif", error="E", message=f"no {scene_id}", **where)


def rows(output: object) -> list[dict[str, Any]]:
    data = objects.get_bytes(Location(f"{output}/failures.parquet"))
    found: list[dict[str, Any]] = pq.read_table(io.BytesIO(data)).to_pylist()
    return found


def ids(output: object) -> list[str]:
    return [row["scene_id"] for row in rows(output)]


def test_a_failure_is_in_the_table_when_it_happens(place: str) -> None:
    Progress(failures_table(Output(place))).count(failed("a"))
    assert ids(place) == ["a"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, PipelineError, ValueError])
def test_a_run_that_is_cut_off_leaves_its_own_failures_and_what_it_did_not_try_again(
    tmp_path: Path, error: type[BaseException]
) -> None:
    first = Progress(failures_table(Output(str(tmp_path))))
    for scene_id in ("mended", "untried", "again"):
        first.count(failed(scene_id))
    first.finish()
    assert ids(tmp_path) == ["mended", "untried", "again"]
    second = Progress(failures_table(Output(str(tmp_path))))

    def cut_off() -> None:
        with _ending(second):
            second.count(Planned("mended", 4, 0))
            second.count(failed("again", row_off=0, col_off=256, height=4, width=4))
            second.count(failed("new"))
            raise error("cut off")

    with pytest.raises(error):
        cut_off()
    assert ids(tmp_path) == ["again", "new", "untried"]
    assert [row["row_off"] for row in rows(tmp_path)] == [0, None, None]
    third = Progress(failures_table(Output(str(tmp_path))))
    with _ending(third):
        third.count(failed("new"))
    assert ids(tmp_path) == ["new"]  # of the whole list: what is not in it any more is held against nobody


def test_a_run_that_lost_its_output_leaves_the_table_of_the_new_owner(tmp_path: Path) -> None:
    failures_table(Output(str(tmp_path))).close()
    theirs = (tmp_path / "failures.parquet").read_bytes()

    def lost() -> None:
        raise LeaseLostError("another's now")

    mine = Progress(failures_table(Output(str(tmp_path))), still_ours=lost)
    with pytest.raises(LeaseLostError), _ending(mine):
        mine.count(failed("a"))
    with (
        pytest.raises(LeaseLostError),
        _ending(Progress(failures_table(Output(str(tmp_path))), still_ours=lost)),
    ):
        pass
    assert (tmp_path / "failures.parquet").read_bytes() == theirs


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(200) + b"PAR1"])
def test_a_damaged_table_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "failures.parquet").write_bytes(content)
    Progress(failures_table(Output(str(tmp_path)))).count(failed("a"))
    assert ids(tmp_path) == ["a"]


def test_many_failures_are_written_a_few_times_and_all_are_there(tmp_path: Path) -> None:
    one = Progress(failures_table(Output(str(tmp_path))))
    written = 0
    table = tmp_path / "failures.parquet"
    state = None
    for number in range(12_000):
        one.count(failed("a", row_off=number, col_off=0, height=1, width=1))
        if table.exists() and (now := table.stat().st_ino) != state:
            state, written = now, written + 1
    one.finish()
    assert [row["row_off"] for row in rows(tmp_path)] == list(range(12_000))
    assert 1 < written < 1_200


class Unwatched(Guard):
    """A guard without a cluster."""

    def __init__(self) -> None: ...

    def watched(self, work: Work, step: Callable[[], Any]) -> Any:  # noqa: ANN401
        del work
        return step()


def attempted(error: Exception) -> Failure:
    def step() -> Any:  # noqa: ANN401 - never returns
        raise error

    scene, window = Scene("a", "/x/a.tif"), Window(0, 0, 1, 1)
    found = attempt(step, Unwatched(), stage="read", scene=scene, window=window)
    assert isinstance(found, Failure)
    return found


def test_an_error_that_is_not_meant_for_users_says_its_type_and_where_it_was_raised(tmp_path: Path) -> None:
    failure = attempted(KeyError("x"))
    assert (failure.error, failure.message) == ("KeyError", "KeyError: 'x'")
    assert attempted(AssertionError()).message == "AssertionError"
    assert attempted(RasterError("a.tif is empty")).message == "a.tif is empty"
    Progress(failures_table(Output(str(tmp_path)))).count(failure)
    (row,) = rows(tmp_path)
    assert "test_failures.py" in row["traceback"]
    assert row["traceback"].rstrip().endswith("KeyError: 'x'")


def test_a_raster_that_fails_by_a_bare_error_says_its_type() -> None:
    with (
        pytest.raises(RasterError, match=r"^cannot read a.tif: KeyError: 'x'$"),
        faults_as("cannot read a.tif"),
    ):
        raise KeyError("x")


def test_a_traceback_holds_no_credential() -> None:
    uri = "https://me:hunter2@host/a.tif?X-Amz-Signature=b0b"
    failure = attempted(ValueError(f"cannot read {uri}"))
    assert failure.traceback is not None
    assert "hunter2" not in failure.traceback
    assert "b0b" not in failure.traceback


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("ray::step()\n  File x\nKeyError: 'x'", "KeyError: 'x'"),
        ("Traceback\npipeline.errors.PipelineError: given up", "given up"),
        ("Traceback\nAssertionError", "AssertionError"),
    ],
)
def test_a_chain_that_breaks_says_the_type_of_what_is_not_meant_for_users(said: str, reason: str) -> None:
    assert str(ChainBroken(Exception(said))) == reason
