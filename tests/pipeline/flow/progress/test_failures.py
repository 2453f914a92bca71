"""Failures outlive the run that met them: an object each when they happen, until they are tried again."""

import io
import random
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline import statistics, store
from pipeline.audit.status import status
from pipeline.errors import LeaseLostError, OutputError, PipelineError, RasterError
from pipeline.flow import Progress
from pipeline.flow.chain import _ending
from pipeline.flow.failure_notes import Notes
from pipeline.flow.progress.events import Events
from pipeline.flow.records import attempt
from pipeline.flow.streaming import ChainBroken
from pipeline.flow.watch.guard import Guard
from pipeline.flow.watch.registry import Work
from pipeline.geometry.scene import Scene
from pipeline.geometry.window import Window
from pipeline.output import Output, failures, ledger
from pipeline.output.failure import DAMAGED, REFUSED, Failure, parsed, to_bytes
from pipeline.raster.gdal.environment import faults_as
from pipeline.storage import objects
from pipeline.storage.location import Location

TEXTS = st.text(max_size=30)
NUMBERS = st.integers(0, 2**40)
WHERE = st.fixed_dictionaries(dict.fromkeys(("row_off", "col_off", "height", "width"), NUMBERS))
VALUES = st.fixed_dictionaries(
    dict.fromkeys(("scene_id", "uri", "error", "message"), TEXTS)
    | {name: st.none() | TEXTS for name in ("traceback", "stage", "run_id", "failed_at")}
)
WINDOW = {"row_off": 0, "col_off": 256, "height": 4, "width": 4}


def failed(scene_id: str, **more: Any) -> Failure:  # noqa: ANN401 - a Failure's
    return Failure(scene_id=scene_id, uri=f"{scene_id}.tif", error="E", message=f"no {scene_id}", **more)


def rows(output: object) -> list[dict[str, Any]]:
    data = objects.get_bytes(Location(f"{output}/failures.parquet"))
    found: list[dict[str, Any]] = pq.read_table(io.BytesIO(data)).to_pylist()
    return found


def ids(output: object) -> list[str]:
    return [row["scene_id"] for row in rows(output)]


def names(output: object) -> list[str]:
    return [each.path for each in objects.list_all(Location(f"{output}/failures"))]


class Run:
    """A run of which only the failures matter: its workers note them, and its driver hears of them."""

    def __init__(self, output: object, run_id: str, check_lease: Callable[[], None] | None = None) -> None:
        self.output = Output(str(output))
        store.lay_out_scenes(self.output)
        self.notes = Notes(self.output, run_id)
        self.progress = Progress(self.output, Events(run_id), check_lease=check_lease)

    def fail(self, scene_id: str, **where: Any) -> None:  # noqa: ANN401 - a Failure's
        self.progress.count(self.notes.noted(failed(scene_id, **where)))

    def plan(self, scene_id: str) -> None:
        scene = self.output.scene(scene_id)
        failures.clear(scene, done=ledger.done(scene))

    def commit(self, scene_id: str, window: Window) -> None:
        ledger.commit(self.output.scene(scene_id), window=window, digests={}, statistics=[])


def test_a_failure_is_noted_before_anybody_hears_of_it(place: str) -> None:
    store.lay_out_scenes(Output(place))
    failure = Notes(Output(place), "run").noted(failed("a", **WINDOW, stage="read", traceback="there"))
    assert names(place) == ["a/0-256.json"]
    assert parsed(objects.get_bytes(Location(f"{place}/failures/a/0-256.json"))) == failure
    assert (failure.run_id, failure.stage, failure.traceback) == ("run", "read", "there")
    assert failure.failed_at is not None
    assert (status(Output(place)).failed, status(Output(place)).scenes["a"].reason) == (1, "no a")


@pytest.mark.parametrize("error", [KeyboardInterrupt, PipelineError, ValueError])
def test_a_run_that_is_cut_off_leaves_its_own_failures_and_what_it_did_not_try_again(
    place: str, error: type[BaseException]
) -> None:
    first = Run(place, "first")
    for scene_id in ("mended", "untried", "again"):
        first.fail(scene_id)
    first.progress.finish()
    assert ids(place) == ["again", "mended", "untried"]
    second = Run(place, "second")

    def cut_off() -> None:
        with _ending(second.progress):
            second.plan("mended")
            second.plan("again")
            second.fail("again", **WINDOW)
            second.fail("new")
            raise error("cut off")

    with pytest.raises(error):
        cut_off()
    assert ids(place) == ["again", "new", "untried"]
    assert [row["row_off"] for row in rows(place)] == [0, None, None]
    third = Run(place, "third")
    with _ending(third.progress):
        third.fail("new")
    assert ids(place) == ["new"]  # of the whole list: what is not in it any more is held against nobody
    assert names(place) == ["new/scene.json"]


def test_of_a_run_that_was_killed_all_failures_are_known_without_a_table(place: str) -> None:
    killed = Run(place, "killed")
    killed.fail("a")
    killed.fail("b", **WINDOW)
    assert not objects.exists(Location(f"{place}/failures.parquet"))
    found = status(Output(place))
    assert (found.failed, found.scenes_failed) == (1, 1)
    assert [scene.scene_id for scene in found.unfinished()] == ["a", "b"]
    statistics.write_failures(Output(place))
    assert ids(place) == ["a", "b"]


@pytest.mark.parametrize("failed_last", [False, True])
def test_the_ledger_wins_over_a_failure_whichever_came_last(place: str, *, failed_last: bool) -> None:
    run = Run(place, "run")
    if not failed_last:
        run.fail("a", **WINDOW)
    run.commit("a", Window(**WINDOW))
    run.fail("a", **{**WINDOW, "row_off": 4})
    if failed_last:
        run.fail("a", **WINDOW)
    statistics.write_failures(Output(place))
    assert [row["row_off"] for row in rows(place)] == [4]
    assert (status(Output(place)).done, status(Output(place)).failed) == (1, 1)
    run.plan("a")
    assert names(place) == ["a/4-256.json"]


def test_who_plans_a_part_of_a_scene_removes_what_failed_of_that_part_alone(place: str) -> None:
    store.lay_out_scenes(Output(place))
    for part in range(4):
        Notes(Output(place), "run").noted(failed("a", stage="plan"), part=part)
    Notes(Output(place), "run").noted(failed("a", **WINDOW))
    statistics.write_failures(Output(place))
    assert [row["row_off"] for row in rows(place)] == [None, 0]  # its parts failed alike: it failed once
    failures.clear(Output(place).scene("a"), done=set(), part=1, parts=2)
    assert names(place) == ["a/0-256.json", "a/scene-2.json", "a/scene.json"]
    failures.clear(Output(place).scene("a"), done={(0, 256)})
    assert names(place) == []


def test_every_reason_of_a_refused_line_is_a_failure(place: str) -> None:
    run = Run(place, "run")
    for line in (1, 2, 1):
        refused = Failure(scene_id="list", uri="list.txt", error=REFUSED, message=f"line {line} is no uri")
        run.progress.count(run.notes.noted(refused))
    run.progress.finish()
    assert sorted(row["message"] for row in rows(place)) == ["line 1 is no uri", "line 2 is no uri"]
    assert run.progress.failures_in_all == 2


@pytest.mark.parametrize("finished", [False, True])
def test_a_run_that_lost_its_output_leaves_the_table_of_the_new_owner(place: str, *, finished: bool) -> None:
    def lost() -> None:
        raise LeaseLostError("another's now")

    mine = Run(place, "mine", check_lease=lost)
    mine.fail("mine")
    theirs = Run(place, "theirs")
    theirs.fail("theirs")
    theirs.progress.finish()
    table, noted = objects.get_bytes(Location(f"{place}/failures.parquet")), names(place)

    def end() -> None:
        with _ending(mine.progress):
            if not finished:
                lost()

    with pytest.raises(LeaseLostError):
        end()
    assert objects.get_bytes(Location(f"{place}/failures.parquet")) == table
    assert names(place) == noted == ["theirs/scene.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"scene_id": "a"}', to_bytes(failed("b", **WINDOW))])
def test_what_a_damaged_object_is_of_is_told_by_its_name(place: str, content: bytes) -> None:
    objects.put_bytes(Location(f"{place}/failures/a/0-256.json"), content)
    run = Run(place, "run")
    run.fail("b")
    run.progress.write()
    assert [(row["scene_id"], row["error"], row["col_off"]) for row in rows(place)] == [
        ("a", DAMAGED, 256),
        ("b", "E", None),
    ]
    assert status(Output(place)).failed == 1
    run.progress.finish()
    assert ids(place) == ["b"]


def test_where_an_output_was_removed_nothing_is_noted_and_the_run_ends(place: str) -> None:
    failure = Notes(Output(place), "run").noted(failed("a"))
    assert failure.error == OutputError.__name__
    assert names(place) == []


@given(VALUES, st.just({}) | WHERE)
def test_a_failure_comes_back_from_its_object_as_it_was(
    values: dict[str, Any], where: dict[str, Any]
) -> None:
    failure = Failure(**values, **where)
    assert parsed(to_bytes(failure)) == failure
    assert to_bytes(parsed(to_bytes(failure))) == to_bytes(failure)


@given(st.text(), st.text())
def test_names_of_files_that_are_no_text_can_be_noted(uri: str, message: str) -> None:
    failure = Failure(scene_id="a", uri=f"{uri}\udc80", error="E", message=f"\ud800{message}")
    assert parsed(to_bytes(failure)) == failure


@pytest.mark.parametrize("wrong", [{"uri": None}, {"row_off": "0"}, {"message": 1}, {"traceback": b""}])
def test_what_is_no_failure_is_refused_at_birth(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=next(iter(wrong))):
        replace(failed("a"), **wrong)


SCENES = st.sampled_from(["a", "a-1", "b"])
PLACED = st.tuples(SCENES, st.none() | st.tuples(st.integers(0, 3), st.integers(0, 3)))


@hypothesis_settings(max_examples=25)
@given(st.sets(PLACED, max_size=8), st.sets(PLACED, max_size=4), st.randoms())
def test_the_table_is_a_function_of_the_objects_and_the_ledger_in_whatever_order(
    noted: set[tuple[str, Any]], done: set[tuple[str, Any]], order: random.Random
) -> None:
    tables = []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            output = Output(folder)
            things = [
                *((failures.note, each) for each in sorted(noted, key=repr)),
                *((None, each) for each in done),
            ]
            order.shuffle(things)
            for note, (scene_id, at) in things:
                if note is not None:
                    where = (
                        {} if at is None else {"row_off": at[0], "col_off": at[1], "height": 1, "width": 1}
                    )
                    note(output, failed(scene_id, **where))
                elif at is not None:
                    ledger.commit(
                        output.scene(scene_id), window=Window(at[0], at[1], 1, 1), digests={}, statistics=[]
                    )
            tables.append(statistics.failures_table(output).content)
    left = sorted(
        noted - {each for each in done if each[1] is not None}, key=lambda each: (each[0], each[1] or ())
    )
    found = pq.read_table(io.BytesIO(tables[0])).to_pylist()
    assert tables[0] == tables[1]
    assert [(row["scene_id"], row["row_off"], row["col_off"]) for row in found] == [
        (scene_id, *(at or (None, None))) for scene_id, at in left
    ]


class Unwatched(Guard):
    """A guard without a cluster."""

    def __init__(self, output: Path) -> None:
        store.lay_out_scenes(Output(str(output)))
        object.__setattr__(self, "notes", Notes(Output(str(output)), "run"))

    def watched(self, work: Work, step: Callable[[], Any]) -> Any:  # noqa: ANN401
        del work
        return step()


def attempted(error: Exception, output: Path) -> Failure:
    def step() -> Any:  # noqa: ANN401 - never returns
        raise error

    scene, window = Scene("a", "/x/a.tif"), Window(0, 0, 1, 1)
    found = attempt(step, Unwatched(output), stage="read", scene=scene, window=window)
    assert isinstance(found, Failure)
    return found


def test_an_error_that_is_not_meant_for_users_says_its_type_and_where_it_was_raised(tmp_path: Path) -> None:
    failure = attempted(KeyError("x"), tmp_path)
    assert (failure.error, failure.message) == ("KeyError", "KeyError: 'x'")
    assert attempted(AssertionError(), tmp_path).message == "AssertionError"
    assert attempted(RasterError("a.tif is empty"), tmp_path).message == "a.tif is empty"
    attempted(KeyError("x"), tmp_path)
    statistics.write_failures(Output(str(tmp_path)))
    (row,) = rows(tmp_path)
    assert "test_failures.py" in row["traceback"]
    assert row["traceback"].rstrip().endswith("KeyError: 'x'")


def test_a_raster_that_fails_by_a_bare_error_says_its_type() -> None:
    with (
        pytest.raises(RasterError, match=r"^cannot read a.tif: KeyError: 'x'$"),
        faults_as("cannot read a.tif"),
    ):
        raise KeyError("x")


def test_a_traceback_holds_no_credential(tmp_path: Path) -> None:
    uri = "https://me:hunter2@host/a.tif?X-Amz-Signature=b0b"
    failure = attempted(ValueError(f"cannot read {uri}"), tmp_path)
    assert failure.traceback is not None
    assert "hunter2" not in failure.traceback
    assert "b0b" not in failure.traceback
    assert parsed((tmp_path / "failures/a/0-0.json").read_bytes()) == failure


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
