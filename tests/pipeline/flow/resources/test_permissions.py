"""What Ray writes for a run of our own is not for others; what the run writes is as readable as ever."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.flow.resources.permissions import make_token_private

ROOT = Path(__file__).resolve().parents[4]
PROGRAM = """
import json, sys
import ray
from pathlib import Path
from pipeline.flow import cluster

@ray.remote(num_cpus=0)
def write(path):
    Path(path).write_text("mask")

with cluster():
    ray.get(write.remote(sys.argv[1]))
    print(json.dumps(str(ray.get_runtime_context().get_session_name())))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for Ray; a socket's path may have 107 bytes."""
    made = Path(tempfile.mkdtemp(prefix="p", dir="/tmp"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def for_others(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode) & 0o077


def test_a_token_of_before_becomes_the_users_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    (tmp_path / ".ray").mkdir(mode=0o755)
    (tmp_path / ".ray/auth_token").write_text("0" * 64)
    make_token_private()
    assert [for_others(tmp_path / name) for name in (".ray", ".ray/auth_token")] == [0, 0]


@pytest.mark.slow
def test_the_token_and_the_session_are_the_users_alone(tmp_path: Path, folder: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    unset = ("RAY_ADDRESS", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
    environment = {key: value for key, value in os.environ.items() if key not in unset}
    environment |= {"HOME": str(home), "RAY_AUTH_MODE": "token", "RAY_TMPDIR": str(folder)}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "out")]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, umask=0o022, capture_output=True, timeout=120, check=True
    )
    session = folder / "ray" / json.loads(done.stdout.splitlines()[-1])
    assert (session / "logs").is_dir()
    assert len((home / ".ray/auth_token").read_text()) >= 32
    assert [for_others(path) for path in (session, home / ".ray", home / ".ray/auth_token")] == [0, 0, 0]
    assert for_others(tmp_path / "out") == 0o044
