"""What happens to processes and to the chain itself: the run says so, mends it and goes on, or ends."""

import json
import os
import signal
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray
from ray.exceptions import ObjectLostError, RayTaskError, UserCodeException

from pipeline.errors import PipelineError
from pipeline.flow.chain import _mendable
from pipeline.flow.streaming import ChainBroken
from tests.pipeline.flow.test_flow import whiten
from tests.pipeline.flow.watch.test_quarantine import WHITE, Fatal
from tests.pipeline.flows import paint, run_flow


class Once(Fatal):
    """Something happens to its process at a white chip, the first time or ever again."""

    mark: Path | None = None

    def die(self) -> None:
        if self.mark is None or not self.mark.exists():
            if self.mark is not None:
                self.mark.touch()
            self.happen()

    def happen(self) -> None: ...


class Stopped(Once):
    """Its process is stopped, as a node that hangs stops all of its own."""

    def happen(self) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)


class Leaving(Once):
    """Its actor leaves for good: Ray does not start it again, and the chain breaks."""

    def happen(self) -> None:
        ray.actor.exit_actor()  # type: ignore[no-untyped-call]


def make_once(weights: Mapping[str, np.ndarray], *, kind: type[Once], mark: Path | None) -> Once:
    found = type(kind.__name__, (kind,), {"mark": mark})  # its fields are frozen
    segmenter: Once = found(**{name: int(value) for name, value in weights.items()})
    return segmenter


def events(said: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_a_stopped_process_is_named_and_killed_and_its_window_is_done_by_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = whiten(paint(tmp_path / "a.tif"), WHITE)
    make = partial(make_once, kind=Stopped, mark=tmp_path / "mark")
    result = run_flow([scene], tmp_path / "out", make_segmenter=make, window_timeout_s=10, stall_s=2)
    assert (result.windows_done, result.failures) == (4, ())
    said = events(capsys.readouterr().err)
    in_flight = [each for event in said if event["event"] == "stalled" for each in event["in_flight"]]
    assert any("segment" in each and "row 0, column 256" in each for each in in_flight)
    ended = [(event["row_off"], event["col_off"]) for event in said if event["event"] == "process_ended"]
    assert set(ended) == {(0, 256)}


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_a_chain_that_breaks_is_begun_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = whiten(paint(tmp_path / "a.tif"), WHITE)
    make = partial(make_once, kind=Leaving, mark=tmp_path / "mark")
    result = run_flow([scene, tmp_path / "none.tif"], tmp_path / "out", make_segmenter=make)
    # The window before the fatal one may be done and its end not yet heard of when the chain breaks.
    assert (result.windows_done + result.windows_skipped, result.windows_failed) == (4, 0)
    assert result.windows_done >= 3
    assert [failure.error for failure in result.failures] == ["RasterError"]
    said = events(capsys.readouterr().err)
    assert sum(event["event"] == "begun_again" for event in said) == 1
    done = [(event["row_off"], event["col_off"]) for event in said if event["event"] == "window_done"]
    assert len(set(done)) == len(done) == result.windows_done
    ended = said[-1]
    assert (ended["event"], ended["how"], ended["windows_done"]) == ("run_ended", "done", result.windows_done)
    assert ended["failures"] == 1
    assert len({event["run_id"] for event in said}) == 1


@pytest.mark.parametrize(
    ("error", "mendable"),
    [
        (PipelineError("given up"), False),
        (UserCodeException("given up"), False),
        (ObjectLostError("a" * 56, None, "stack"), True),
    ],
)
def test_what_our_own_steps_raise_is_not_tried_again(error: Exception, mendable: bool) -> None:  # noqa: FBT001
    said = "Traceback\n  File x\npipeline.errors.PipelineError: given up\nTo change retry attempts, configure"
    raised = RayTaskError("step", said, error, "title", 1, "ip")  # type: ignore[no-untyped-call]
    raised = raised.as_instanceof_cause()  # type: ignore[no-untyped-call]
    assert _mendable(raised) == mendable
    assert str(ChainBroken(raised)) == "given up"


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_a_chain_that_breaks_again_and_again_ends_the_run(tmp_path: Path) -> None:
    scene = whiten(paint(tmp_path / "a.tif"), WHITE)
    make = partial(make_once, kind=Leaving, mark=None)
    with pytest.raises(PipelineError, match="cannot go on, what is done stays done"):
        run_flow([scene], tmp_path / "out", make_segmenter=make)
    assert (tmp_path / "out" / "failures.parquet").exists()
    result = run_flow([scene], tmp_path / "out")
    assert result.windows_skipped + result.windows_done == 4
