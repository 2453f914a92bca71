"""Windows that take their process down with them, or never end: named, and the rest goes on."""

import ctypes
import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray

from pipeline.errors import PipelineError
from pipeline.flow.failure_notes import Notes
from pipeline.flow.watch.guard import watching
from pipeline.flow.watch.registry import TRIES, InFlight, Process, Quarantined, Work
from pipeline.geometry.scene import Scene
from pipeline.geometry.window import Window
from pipeline.output import Output
from pipeline.testing.brightness import BrightnessSegmenter
from tests.pipeline.flow.test_flow import table, whiten
from tests.pipeline.flows import paint, run_flow, run_list

# From column 260 on: the chip at 256, by which the window beside is blended as well, is not all white.
WHITE = Window(0, 260, 256, 252)
NOTES = Notes(Output("/nowhere"), "run")


class Fatal(BrightnessSegmenter):
    """Does not survive chips that are nothing but white."""

    def propose(self, chips: np.ndarray, /) -> dict[str, np.ndarray]:
        if (chips == 255).all(axis=(1, 2, 3)).any():
            self.die()
        return super().propose(chips)

    def die(self) -> None:
        os._exit(1)


class Hanging(Fatal):
    """Never answers, and holds the interpreter meanwhile, as bad native code does."""

    def die(self) -> None:
        ctypes.PyDLL(None).sleep(1000)


def make_fatal(weights: Mapping[str, np.ndarray], *, kind: type[Fatal]) -> Fatal:
    return kind(**{name: int(value) for name, value in weights.items()})


def make_and_die(_: Mapping[str, np.ndarray]) -> BrightnessSegmenter:
    os._exit(1)


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.parametrize(
    ("kind", "settings", "reason"),
    [
        (Fatal, {}, "process died 3 times"),
        (Hanging, {"window_timeout_s": 3}, r"longer than window_timeout_s \(3 s\) 3 times"),
    ],
)
def test_a_window_that_kills_its_actor_is_given_up_and_all_others_are_done(
    tmp_path: Path, kind: type[Fatal], settings: dict[str, Any], reason: str
) -> None:
    scene, output = whiten(paint(tmp_path / "a.tif"), WHITE), tmp_path / "out"
    result = run_flow([scene], output, make_segmenter=partial(make_fatal, kind=kind), **settings)
    assert (result.windows_done, result.windows_failed) == (3, 1)
    (failure,) = table(output, "failures.parquet")
    assert (failure["row_off"], failure["col_off"], failure["error"]) == (0, 256, "Quarantined")
    assert re.search(reason, failure["message"])


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_a_segmenter_whose_making_kills_its_process_ends_the_run(tmp_path: Path) -> None:
    scene = paint(tmp_path / "a.tif", height=128, width=128)
    with pytest.raises(
        PipelineError, match="stays done: given up at the step start: its process died 3 times"
    ):
        run_flow([scene], tmp_path / "out", make_segmenter=make_and_die)


class DyingList:
    """A scene list that takes down the process that lists it."""

    def __iter__(self) -> Iterator[Scene]:
        os._exit(1)


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_a_list_that_kills_its_process_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="given up at the step list: its process died 3 times"):
        run_list(DyingList(), tmp_path / "out")
    assert table(tmp_path / "out", "failures.parquet") == []


@ray.remote(num_cpus=0, max_retries=0)
def worker(guard: Any, work: Work, step: Callable[[], str]) -> str:  # noqa: ANN401 - a Guard
    """A process of its own that does one thing under the eyes of the watch."""
    return str(guard.watched(work, step))


@pytest.mark.usefixtures("ray_cluster")
def test_only_what_is_begun_and_never_ends_counts() -> None:
    work = Work("read", "a", 0, 0)
    with watching(60.0, NOTES) as guard:

        def failing() -> str:
            raise ValueError("no")

        for _ in range(TRIES + 1):  # ended well, or by an exception: neither is a death
            assert guard.watched(work, lambda: "done") == "done"
            with pytest.raises(ValueError, match="no"):
                guard.watched(work, failing)
        for _ in range(TRIES - 1):
            with pytest.raises(ray.exceptions.WorkerCrashedError):
                ray.get(worker.remote(guard, work, lambda: os._exit(1)))
        assert guard.watched(work, lambda: "done") == "done"
        for _ in range(TRIES):
            with pytest.raises(ray.exceptions.WorkerCrashedError):
                ray.get(worker.remote(guard, work, lambda: os._exit(1)))
        with pytest.raises(Quarantined, match="step read: its process died 3 times"):
            guard.watched(work, lambda: "done")
        assert guard.watched(Work("read", "a", 0, 256), lambda: "done") == "done"
        assert ray.get(guard.watch.in_flight.remote()) == []


@pytest.mark.usefixtures("ray_cluster")
def test_processes_that_went_with_their_node_are_no_fault_of_a_window() -> None:
    work, gone = Work("segment", "a", 0, 0), Process("0" * 56, 1)
    with watching(60.0, NOTES) as guard:
        for _ in range(TRIES + 2):
            assert ray.get(guard.watch.begin.remote(work, gone)) is None
        flying: list[InFlight] = ray.get(guard.watch.in_flight.remote())
        assert [(each.work, each.by) for each in flying] == [(work, gone)]


@pytest.mark.usefixtures("ray_cluster")
def test_processes_that_the_run_itself_ends_do_not_count() -> None:
    work, here = Work("segment", "a", 0, 0), Process(ray.get_runtime_context().get_node_id(), 1)
    with watching(60.0, NOTES) as guard:
        for _ in range(2 * TRIES):
            assert ray.get(guard.watch.begin.remote(work, here)) is None
            ray.get(guard.watch.release.remote())
        for _ in range(TRIES):
            assert ray.get(guard.watch.begin.remote(work, here)) is None
        assert ray.get(guard.watch.begin.remote(work, here)) is not None
