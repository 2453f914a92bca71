"""A run that labels again and is killed goes on where it was: whole processes, killed for good."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.pipeline.flow.relabelling.relabelled import relabel, segment, settings_of
from tests.pipeline.flow.test_resume import entries
from tests.pipeline.flows import digests, paint
from tests.processes import kill_tree

ROOT = Path(__file__).resolve().parents[4]
WINDOWS = 16
PROGRAM = """
import sys
from pathlib import Path
import ray
from tests.pipeline.flow.relabelling.relabelled import SLOW, relabel, settings_of
ray.init(num_cpus=2, include_dashboard=False, object_store_memory=256 * 1024 * 1024)
relabel(Path(sys.argv[1]), Path(sys.argv[2]), labeller=SLOW, settings=settings_of(window_px=128))
"""


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_a_killed_run_goes_on_without_doing_anything_twice(tmp_path: Path) -> None:
    scene, source = paint(tmp_path / "a.tif"), tmp_path / "out"
    segment([scene], source, settings=settings_of(window_px=128))
    output = tmp_path / "other"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(source), str(output)],
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 120
        while len(entries(output)) < WINDOWS // 8 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert process.poll() is None, "the run ended before it could be killed"
    finally:
        if process.poll() is None:
            kill_tree(process)
    before = entries(output)
    assert 0 < len(before) < WINDOWS
    result = relabel(source, output, settings=settings_of(window_px=128))
    assert (result.windows_skipped, result.windows_done) == (len(before), WINDOWS - len(before))
    after = entries(output)
    assert {name: after[name] for name in before} == before
    relabel(source, tmp_path / "undisturbed", settings=settings_of(window_px=128))
    assert digests(output) == digests(tmp_path / "undisturbed")
