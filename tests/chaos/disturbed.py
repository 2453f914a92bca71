"""One disturbed run: killed as a seed says, started again until it ends well, compared with an undisturbed one."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.audit.verification import Provenance, verify
from pipeline.output import Output
from tests.chaos.driver import CHUNK_PX, WINDOW_PX
from tests.chaos.machines import ACTOR, WORKER, Machines
from tests.pipeline.flows import CLASSES, CONTENTS, digests

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = {"driver": 2, "actor": 3, "worker": 3, "node": 1}
PAUSE_S = (0.5, 4.0)
ENDS_WITHIN_S = 240.0  # a driver that is left alone
MOST_STARTS = 30


@dataclass(slots=True)
class Disturbed:
    """What became of a run: kills by kind, how often its driver was started, what is wrong with its output."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    starts: int = 0
    took_s: float = 0.0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Return one line."""
        kills = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kills.items()))
        found = "; ".join(self.faults) or "equal"
        return f"seed {self.seed}: {kills}; {self.starts} starts, {self.took_s:.0f} s: {found}"


def disturb(
    cluster: Machines, *, seed: int, kills: int, output: Path, scenes: Sequence[Path], undisturbed: Path
) -> Disturbed:
    """Run until the driver ends by itself with nothing left to do, and compare."""
    run, chance, began_s = Disturbed(seed), random.Random(seed), time.monotonic()
    log = output.with_suffix(".log")
    while True:
        run.starts += 1
        driver = start(cluster, output=output, scenes=scenes, log=log)
        try:
            code = _kill_at_random(run, cluster, driver, chance, most=kills)
        finally:
            driver.kill()  # where this program is interrupted
        if code == 0:
            break
        if run.starts == MOST_STARTS:
            run.faults.append(f"not done after {MOST_STARTS} starts, see {log}")
            break
    run.took_s = time.monotonic() - began_s
    run.faults.extend(compare(output, undisturbed))
    return run


def start(
    cluster: Machines | None, *, output: Path, scenes: Sequence[Path], log: Path
) -> subprocess.Popen[bytes]:
    """Start a driver in a session of its own, on this cluster or one that it starts for itself."""
    address = {"RAY_ADDRESS": cluster.address if cluster else "local"}
    with log.open("ab") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.driver", str(output), *map(str, scenes)],
            cwd=ROOT,
            env={**os.environ, **address},
            start_new_session=True,
            stdout=said,
            stderr=said,
        )


def _kill_at_random(
    run: Disturbed, cluster: Machines, driver: subprocess.Popen[bytes], chance: random.Random, *, most: int
) -> int:
    """Kill until ``most`` are dead or the driver is, then wait for it; return its exit code."""
    while run.kills.total() < most:
        try:
            return driver.wait(chance.uniform(*PAUSE_S))
        except subprocess.TimeoutExpired:
            kind = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            run.kills[kind] += _kill(kind, cluster, driver, chance)
    try:
        return driver.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        run.faults.append(f"it hung for {ENDS_WITHIN_S:.0f} s")
        driver.kill()
        return driver.wait()


def _kill(kind: str, cluster: Machines, driver: subprocess.Popen[bytes], chance: random.Random) -> bool:
    if kind == "driver":
        driver.send_signal(signal.SIGKILL)
        return True
    if kind == "node":
        return cluster.kill_node(chance)
    return cluster.kill_process({"actor": ACTOR, "worker": WORKER}[kind], chance)


def compare(output: Path, undisturbed: Path) -> list[str]:
    """Return what differs between two outputs, windows that a table has not once, and what `verify` finds."""
    found, wanted = digests(output), digests(undisturbed)
    faults = [f"{name} is missing" for name in sorted(wanted.keys() - found.keys())]
    faults += [f"{name} is left over" for name in sorted(found.keys() - wanted.keys())]
    faults += [
        f"{name} differs" for name in sorted(found.keys() & wanted.keys()) if found[name] != wanted[name]
    ]
    for table in sorted((output / "statistics").glob("*.parquet")):
        faults += _counted_twice(table)
    made = Provenance(classes=CLASSES, window_px=WINDOW_PX, chunk_px=CHUNK_PX, contents=CONTENTS)
    report = verify(Output(str(output)), made=made, finished=True)
    return faults + [f"verify: {finding.kind} {finding.path}" for finding in report.findings]


def _counted_twice(table: Path) -> list[str]:
    rows: list[Mapping[str, Any]] = pq.read_table(
        table, columns=["scene_id", "row_off", "col_off", "class_id"]
    ).to_pylist()
    times = Counter(tuple(row.values()) for row in rows)
    return [f"{table.name} has {place} {count} times" for place, count in times.items() if count > 1]
