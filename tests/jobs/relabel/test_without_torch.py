"""`relabel` runs where there is no torch, in the driver and in all workers, and makes the same bytes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.jobs.conftest import FinishedRun
from tests.jobs.relabel.relabelling import WORDS, chunks, items, run

ROOT = Path(__file__).resolve().parents[3]
ABSENT = """
import os, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "open_clip", "timm"):
            raise ModuleNotFoundError(f"{name} is absent", name=name)

sys.meta_path.insert(0, Absent())
kind = "worker" if any("default_worker" in each for each in sys.orig_argv) else "other"
open(os.path.join(os.environ["MARKS"], f"{kind}-{os.getpid()}"), "w").close()
"""


def without_torch(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a verb in a process in which, as in all that it starts, there is no torch; each leaves a mark."""
    (folder / "marks").mkdir()
    (folder / "sitecustomize.py").write_text(ABSENT)
    variables = {"PYTHONPATH": f"{folder}:{ROOT}", "MARKS": str(folder / "marks")}
    kept = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    return subprocess.run(
        [sys.executable, "-m", "jobs.cli", *map(str, arguments)],
        cwd=ROOT,
        env=kept | variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow
def test_it_runs_where_there_is_no_torch_and_makes_the_same_bytes(
    finished: FinishedRun, tmp_path: Path
) -> None:
    asked = (finished.output, "--classes", WORDS, "-o")
    done = without_torch("relabel", *asked, tmp_path / "without", "--actors", "1", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "marks").glob("worker-*"))) >= 2
    assert list((tmp_path / "marks").glob("other-*"))
    assert run(*asked, tmp_path / "with") == 0
    assert chunks(tmp_path / "without") == chunks(tmp_path / "with")
    assert items(tmp_path / "without") == items(tmp_path / "with")


@pytest.mark.slow
def test_what_needs_torch_is_noticed(tmp_path: Path) -> None:
    done = without_torch("info", folder=tmp_path)
    assert done.returncode != 0
    assert "torch is absent" in done.stderr
