"""A run that is asked to end does so in time, leaves no process behind, and goes on when it is started again."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest

from pipeline.geometry.scene import Scene
from pipeline.sources.naming import scene_of
from tests.pipeline.flows import digests, paint, run_flow
from tests.processes import kill_tree

ROOT = Path(__file__).resolve().parents[3]
GRACE_S = 25
PROGRAM = """
import sys
from jobs.run.exit_codes import ends_with_code
from tests.jobs.runs.test_termination import SlowList
from tests.pipeline.flows import run_list
from tests.pipeline.flow.test_resume import make_slow

@ends_with_code
def main(argv):
    scene, output, slow_list = argv
    run_list(SlowList(scene, slow_list), output, window_px=128, make_segmenter=make_slow)
    return 0

sys.exit(main(sys.argv[1:]))
"""


class SlowList:
    """A list of one scene, which takes its time after it has left a mark, if it is to."""

    def __init__(self, scene: str, mark: str) -> None:
        self.scene, self.mark = scene, mark

    def __iter__(self) -> Iterator[Scene]:
        if self.mark:
            Path(self.mark).touch()
            time.sleep(60)
        yield scene_of(self.scene)


def entries(output: Path) -> int:
    return len(list((output / "ledger").rglob("[0-9]*.json")))


def ray_begins(process: psutil.Process, _: Path) -> bool:
    return any("gcs_server" in child.name() for child in process.children(recursive=True))


def some_are_done(_: psutil.Process, output: Path) -> bool:
    return entries(output) >= 3


def all_are_done(_: psutil.Process, output: Path) -> bool:
    return entries(output) == 16


def listing(_: psutil.Process, output: Path) -> bool:
    return output.with_name("mark").exists()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return paint(tmp_path_factory.mktemp("scene") / "a.tif")


@pytest.fixture(scope="module")
def undisturbed(scene: Path, ray_cluster: None) -> dict[str, str]:
    """The digests of an undisturbed run's files."""
    del ray_cluster
    output = scene.with_name("undisturbed")
    run_flow([scene], output, window_px=128)
    return digests(output)


@pytest.mark.parametrize(
    ("moment", "signals"),
    [
        pytest.param(some_are_done, [signal.SIGTERM], marks=pytest.mark.slow),
        pytest.param(ray_begins, [signal.SIGTERM], marks=pytest.mark.slow),
        pytest.param(listing, [signal.SIGINT], marks=pytest.mark.slow),
        pytest.param(all_are_done, [signal.SIGTERM], marks=pytest.mark.slow),
        pytest.param(some_are_done, [signal.SIGTERM, signal.SIGTERM], marks=pytest.mark.slow),
    ],
)
def test_a_run_that_is_terminated_ends_in_time_and_can_go_on(
    tmp_path: Path,
    scene: Path,
    undisturbed: dict[str, str],
    moment: Callable[[psutil.Process, Path], bool],
    signals: list[signal.Signals],
) -> None:
    output = tmp_path / "out"
    mark = str(tmp_path / "mark") if moment is listing else ""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(scene), str(output), mark], cwd=ROOT, stderr=subprocess.PIPE
    )
    try:
        seen = psutil.Process(process.pid)
        while not moment(seen, output):
            assert process.poll() is None, "the run ended before it could be told to"
            time.sleep(0.02)
        started = seen.children(recursive=True)
        began_s = time.monotonic()
        for number in signals:
            process.send_signal(number)
            time.sleep(0.2)
        _, said = process.communicate(timeout=2 * GRACE_S)
        assert time.monotonic() - began_s <= GRACE_S
    finally:
        if process.poll() is None:
            kill_tree(process)
    if len(signals) == 1:
        assert process.returncode == 128 + signals[0], said.decode()
        assert said.decode().strip().endswith("; the same command goes on where it stopped")
        assert said.decode().count("Started a local Ray instance") <= 1  # no other one at the end
        if moment is some_are_done:
            assert "Traceback" not in said.decode()
    else:
        assert process.returncode == -signals[0]
    # Ended at once, Ray's agents find out by themselves that the node they belong to is gone.
    _, alive = psutil.wait_procs(started, timeout=GRACE_S if len(signals) == 1 else 4 * GRACE_S)
    assert alive == []
    before = entries(output)
    assert before < 16 or moment is all_are_done
    result = run_flow([scene], output, window_px=128)
    assert (result.windows_skipped, result.windows_done, result.failures) == (before, 16 - before, ())
    assert digests(output) == undisturbed
