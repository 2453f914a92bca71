"""Kill the head of a cluster in the midst of a run, and go on with another cluster: `python -m tests.chaos.head`.

Ends with 1 where the run does not end by itself, or the output differs from the undisturbed one.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.__main__ import prepare
from tests.chaos.disturbed import compare, start
from tests.chaos.machines import machines

MOST_S = 300.0
WINDOWS = 4  # done when the head is killed


def main() -> int:
    """Run, and print what is wrong."""
    with tempfile.TemporaryDirectory(prefix="head-") as name:
        folder = Path(name)
        os.environ["RAY_TMPDIR"] = name
        scenes, undisturbed = prepare(folder)
        output, log = folder / "out", folder / "log"
        with machines() as cluster:
            driver = start(cluster, output=output, scenes=scenes, log=log)
            while driver.poll() is None and len(list(output.glob("ledger/*/[0-9]*.json"))) < WINDOWS:
                time.sleep(0.1)
            cluster.kill_head()
            code = driver.wait(MOST_S)
        with machines() as another:
            again = start(another, output=output, scenes=scenes, log=log).wait(MOST_S)
        faults = compare(output, undisturbed)
        print(f"without a head it ended with {code}, on another cluster with {again}; {faults or 'equal'}")
        if code == 0 or again != 0:
            print(log.read_text())
    return int(code == 0 or again != 0 or bool(faults))


if __name__ == "__main__":
    sys.exit(main())
