"""What failed in a run that was killed is known afterwards, to `status` and to `--retry-failed`."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from jobs import status
from tests.jobs.conftest import PaintScene
from tests.jobs.test_segment import FLAGS, run
from tests.processes import kill_tree

ROOT = Path(__file__).resolve().parents[2]
GRACE_S = 60


def started(*arguments: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "jobs.cli", "segment", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for_failures(process: subprocess.Popen[bytes], output: Path) -> None:
    """Wait until a scene has failed, and a window of another."""
    while not (list(output.glob("failures/*/scene.json")) and list(output.glob("failures/*/[0-9]*.json"))):
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.02)


def unfinished(output: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    """What `status` says of scenes with something left, by the names of their files."""
    capsys.readouterr()
    assert status.main([str(output), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["scenes"]["unfinished"]
    return {scene["scene_id"].rpartition("-")[0]: scene for scene in found}


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_failed_before_a_run_was_killed_is_known_and_tried_again(
    paint_scene: PaintScene, tmp_path: Path, capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    output, text, half = (
        tmp_path / "out",
        tmp_path / "text.tif",
        paint_scene("half.tif", height=1024, width=1024),
    )
    half.write_bytes(half.read_bytes()[: half.stat().st_size // 2])
    text.write_text("no picture")
    good = [paint_scene(f"good-{number}.tif", height=300, width=300) for number in range(4)]
    arguments = (text, half, *good, "--classes", "road; water", "-o", output)
    process = started(*arguments, *FLAGS)
    try:
        wait_for_failures(process, output)
        if number == signal.SIGTERM:
            process.terminate()
            process.wait(GRACE_S)
    finally:
        if process.poll() is None:
            kill_tree(process)
    assert (output / "failures.parquet").exists() == (number == signal.SIGTERM)
    known = unfinished(output, capsys)
    assert known["text"]["failed_whole"]
    assert known["half"]["failed"] > 0
    assert all(str(tmp_path) in known[name]["reason"] for name in ("text", "half"))
    shutil.copy(good[0], text)
    assert run(*arguments, "--retry-failed") == 3
    known = unfinished(output, capsys)
    assert "text" not in known
    assert known["half"]["failed"] > 0
    rows = pq.read_table(output / "failures.parquet").to_pylist()
    assert {row["uri"] for row in rows} == {str(half)}
    assert len(rows) == known["half"]["failed"]
    assert all(row["stage"] == "read" and row["traceback"] and row["run_id"] for row in rows)
