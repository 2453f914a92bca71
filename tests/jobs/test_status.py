"""What `status` says of windows and scenes: the same in words and in JSON, and clean where nobody asks for more."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs import status
from jobs.run import run_record
from jobs.run.resume import failed_before
from jobs.show import result
from pipeline.errors import ResumeError
from pipeline.flow import RunResult
from pipeline.geometry.scene import Scene
from pipeline.geometry.window import Window
from pipeline.output import Output, Plan, failures, ledger
from pipeline.output.failure import Failure
from tests.jobs.run.test_run_record import description


def scene(output: Path, scene_id: str, *, planned: int, done: int) -> None:
    plan = Plan(planned, "0" * 32)
    ledger.note_plan(Output(str(output)).scene(scene_id), plan=plan, inputs=b"{}", instead_of=None)
    for number in range(done):
        ledger.commit(
            Output(str(output)).scene(scene_id), window=Window(0, 4 * number, 4, 4), digests={}, statistics=[]
        )


def fail(output: Path, *scenes: tuple[str, int | None]) -> None:
    for scene_id, row_off in scenes:
        where: dict[str, Any] = (
            {} if row_off is None else {"row_off": row_off, "col_off": 8, "height": 4, "width": 4}
        )
        failure = Failure(scene_id=scene_id, uri=scene_id, error="E", message="no", **where)
        failures.note(Output(str(output)), failure)


def ended(output: Path, *ends: str, **more: Any) -> None:  # noqa: ANN401 - what JSON holds
    run = {"ended": "2026-01-01T00:00:00+00:00", "seconds": 1.0, "done": 1, **more}
    run_record._write(
        Output(str(output)), description(output) | {"runs": [run | {"end": end} for end in ends]}
    )


def told(output: Path, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    assert status.main([str(output), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert status.main([str(output)]) == 0
    return found, capsys.readouterr().out


def test_words_and_json_count_windows_and_scenes_apart_and_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene(tmp_path, "good", planned=2, done=2)
    scene(tmp_path, "part", planned=3, done=1)
    fail(tmp_path, ("part", 0), ("part", 4), ("whole", None))
    ended(tmp_path, "finished")
    found, said = told(tmp_path, capsys)
    assert found["windows"] == {"planned": 5, "done": 3, "failed": 2, "left": 2}
    assert (found["scenes"]["in_all"], found["scenes"]["failed"]) == (3, 1)
    assert [each["scene_id"] for each in found["scenes"]["unfinished"]] == ["whole", "part"]
    assert not found["finished"]
    assert "3 done of 5 planned until now, 2 left, 2 failed" in said
    assert "scenes:  3, 1 failed whole, 1 with windows left or failed" in said


def test_a_scene_that_left_the_list_is_not_held_against_the_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene(tmp_path, "good", planned=2, done=2)
    scene(tmp_path, "left", planned=3, done=1)
    ended(tmp_path, "finished")
    found, said = told(tmp_path, capsys)
    assert found["finished"]
    assert found["windows"] == {"planned": 2, "done": 2, "failed": 0, "left": 0}
    assert found["scenes"] == {"in_all": 1, "failed": 0, "no_longer_asked_for": 1, "unfinished": []}
    assert "1 more were begun for an earlier list" in said


@pytest.mark.parametrize(
    ("runs", "whole"),
    [
        ([("finished", False)], True),
        ([("finished", False), ("finished", True)], True),
        ([("finished", False), ("Terminated", True)], False),
        ([("finished", False), ("Terminated", False)], False),
        ([("Terminated", False), ("finished", True)], False),  # what it did not try may be left to do
        ([("Terminated", False), ("finished", False)], True),
        ([], False),
    ],
)
def test_what_is_left_counts_until_a_whole_list_was_tried(
    runs: list[tuple[str, bool]], *, whole: bool
) -> None:
    record = {"runs": [{"end": end} | ({run_record.RETRY: True} if retry else {}) for end, retry in runs]}
    assert run_record.whole_list_done(record) == whole


def test_only_what_failed_or_was_cut_off_is_tried_again(tmp_path: Path) -> None:
    scenes = [Scene(name, f"/x/{name}.tif") for name in ("good", "part", "whole", "new")]
    with pytest.raises(ResumeError, match="does not exist"):
        failed_before(Output(str(tmp_path)), scenes)
    scene(tmp_path, "good", planned=2, done=2)
    scene(tmp_path, "part", planned=3, done=1)
    fail(tmp_path, ("whole", None), ("left", None))
    ended(tmp_path, "Terminated")
    assert [each.uri for each in failed_before(Output(str(tmp_path)), scenes)] == [
        "/x/part.tif",
        "/x/whole.tif",
    ]


@pytest.mark.parametrize(
    ("windows", "in_all", "said"),
    [(0, 0, "nothing"), (0, 1, "1 scene"), (2, 2, "2 windows"), (1, 3, "1 window, 2 scenes")],
)
def test_a_run_never_says_that_none_failed_above_what_failed(windows: int, in_all: int, said: str) -> None:
    assert result._failed(RunResult(5, 0, windows, (), in_all)) == said
