"""A few of the runs of `make chaos`, and a cluster that loses its head."""

import re
import subprocess
import sys

import pytest

from tests.chaos.disturbed import ROOT


@pytest.fixture(scope="module")
def said() -> str:
    """What the program printed of one run with four kills and one that lost its head."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "--runs", "1", "--kills", "4", "--seed", "101", "--head"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_killed_run_ends_with_the_bytes_of_an_undisturbed_one(said: str) -> None:
    kills = re.search(r"seed 101: (.*); \d+ starts, \d+ s: equal\n", said)
    assert kills, said
    assert re.search(
        r"[1-9]\d* (actor|driver|node|worker)", kills[1]
    )  # a fast run may end before its last kill


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_run_goes_on_with_another_cluster_where_the_first_lost_its_head(said: str) -> None:
    assert "without a head it ended with 1, on another cluster with 0; equal" in said, said
