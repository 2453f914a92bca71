"""Kill runs at random and compare what they leave: `python -m tests.chaos --runs 30 --kills 4 --seed 1`.

Prints a line a run, with its seed; ends with 1 where an output differs from the undisturbed one. A seed decides which
kinds of processes are killed after which pauses; what they were doing then depends on the machine. With `--head` the
last cluster loses its head in the midst of one more run, which goes on with another cluster.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.chaos.disturbed import disturb, start
from tests.chaos.head import lose_head
from tests.chaos.machines import machines
from tests.pipeline.flows import paint

SCENES = ((640, 640, 7), (512, 900, 8))  # height, width, seed


def main() -> int:
    """Run, and print the sum."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--kills", type=int, default=4, help="in each run")
    parser.add_argument("--seed", type=int, default=1, help="of the first run")
    parser.add_argument("--head", action="store_true", help="kill the head of a cluster too")
    asked = parser.parse_args()
    kills: Counter[str] = Counter()
    bad = 0
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        folder = Path(name)
        os.environ["RAY_TMPDIR"] = name  # where Ray notes the newest cluster, which others would join
        scenes, undisturbed = prepare(folder)
        seeds = range(asked.seed, asked.seed + asked.runs)
        for seed in seeds:
            with machines() as cluster:
                run = disturb(
                    cluster,
                    seed=seed,
                    kills=asked.kills,
                    output=folder / f"out-{seed}",
                    scenes=scenes,
                    undisturbed=undisturbed,
                )
                print(run, flush=True)
                kills += run.kills
                bad += bool(run.faults)
                if asked.head and seed == seeds[-1]:
                    bad += lose_head(cluster, folder / "headless", scenes=scenes, undisturbed=undisturbed)
    print(f"{asked.runs} runs, {kills.total()} kills ({dict(kills)}): {bad} runs with faults")
    return int(bad > 0)


def prepare(folder: Path) -> tuple[list[Path], Path]:
    """Paint the scenes and run over them undisturbed, on a cluster that is there for this run alone."""
    scenes = [
        paint(folder / f"{seed}.tif", height=height, width=width, seed=seed) for height, width, seed in SCENES
    ]
    output, log, began_s = folder / "undisturbed", folder / "undisturbed.log", time.monotonic()
    if start(None, output=output, scenes=scenes, log=log).wait() != 0:
        raise SystemExit(log.read_text())
    print(f"undisturbed: {time.monotonic() - began_s:.0f} s", flush=True)
    return scenes, output


if __name__ == "__main__":
    sys.exit(main())
