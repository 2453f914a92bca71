"""A few of the runs of `make chaos`."""

import subprocess
import sys

import pytest

from tests.chaos.disturbed import ROOT


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_killed_runs_end_with_the_bytes_of_an_undisturbed_one() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "--runs", "2", "--kills", "4", "--seed", "101"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert "2 runs, 8 kills" in said.stdout
