"""A run whose cluster loses its head, and goes on with another cluster."""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.disturbed import compare, start
from tests.chaos.machines import Machines

MOST_S = 300.0
WINDOWS = 4  # done when the head is killed


def lose_head(cluster: Machines, output: Path, *, scenes: Sequence[Path], undisturbed: Path) -> bool:
    """Kill the head of a cluster in the midst of a run, and end the run on another cluster, that of this machine alone.

    Print what came of it. Return whether something is wrong: the first run did not fail by itself, or the second one
    did, or the output differs from the undisturbed one.
    """
    log = output.with_suffix(".log")
    driver = start(cluster, output=output, scenes=scenes, log=log)
    _wait_for_windows(driver, output)
    cluster.kill_head()
    code = driver.wait(MOST_S)
    again = start(None, output=output, scenes=scenes, log=log).wait(MOST_S)
    faults = compare(output, undisturbed)
    print(f"without a head it ended with {code}, on another cluster with {again}; {faults or 'equal'}")
    if code == 0 or again != 0:
        print(log.read_text())
    return code == 0 or again != 0 or bool(faults)


def _wait_for_windows(driver: "subprocess.Popen[bytes]", output: Path) -> None:
    while driver.poll() is None and len(list(output.glob("ledger/*/[0-9]*.json"))) < WINDOWS:
        time.sleep(0.1)
