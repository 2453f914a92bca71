"""A run that is killed goes on where it was: whole processes, killed for good."""

import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.testing.brightness import BrightnessSegmenter
from tests.pipeline.flows import digests, paint, run_flow
from tests.processes import kill_tree

ROOT = Path(__file__).resolve().parents[3]
WINDOWS = 16
PROGRAM = """
import sys, time
import ray
from tests.processes import kill_tree
from tests.pipeline.flows import run_flow
from tests.pipeline.flow.test_resume import make_slow
ray.init(num_cpus=2, include_dashboard=False, object_store_memory=256 * 1024 * 1024)
run_flow([sys.argv[1]], sys.argv[2], window_px=128, make_segmenter=make_slow)
"""


class Slow(BrightnessSegmenter):
    """Takes its time, so that a run can be killed in its midst."""

    def propose(self, chips, /):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - as its base
        time.sleep(0.05)
        return super().propose(chips)


def make_slow(weights):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - as make_brightness
    return Slow(**{name: int(value) for name, value in weights.items()})


def entries(output: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of change of each entry of the ledger."""
    return {
        path.name: (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in (output / "ledger").rglob("[0-9]*.json")
    }


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_a_killed_run_goes_on_without_doing_anything_twice(tmp_path: Path) -> None:
    scene, output = paint(tmp_path / "a.tif"), tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(scene), str(output)],
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 120
        while len(entries(output)) < WINDOWS // 8 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert process.poll() is None, "the run ended before it could be killed"
    finally:
        if process.poll() is None:
            kill_tree(process)
    before = entries(output)
    assert 0 < len(before) < WINDOWS

    result = run_flow([scene], output, window_px=128)
    assert (result.windows_skipped, result.windows_done) == (len(before), WINDOWS - len(before))
    after = entries(output)
    assert len(after) == WINDOWS
    assert {name: after[name] for name in before} == before

    run_flow([scene], tmp_path / "undisturbed", window_px=128)
    assert digests(output) == digests(tmp_path / "undisturbed")
    rows = pq.read_table(output / "statistics").to_pylist()
    counted = [(row["row_off"], row["col_off"], row["class_id"]) for row in rows]
    assert len(counted) == len(set(counted))
    assert sum(row["pixels"] for row in rows) == 512 * 512
