"""A few of the runs of `make chaos`, and a cluster that loses its head."""

import re
import subprocess
import sys

import pytest

from tests.chaos.disturbed import ROOT


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_killed_runs_end_with_the_bytes_of_an_undisturbed_one() -> None:
    said = run("tests.chaos", "--runs", "2", "--kills", "4", "--seed", "101")
    assert re.search(
        r"2 runs, [1-9]\d* kills .*: 0 runs with faults", said
    )  # a fast one may end before its last kill


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_run_goes_on_with_another_cluster_where_the_first_lost_its_head() -> None:
    said = run("tests.chaos.head")
    assert "without a head it ended with 1, on another cluster with 0; equal" in said
