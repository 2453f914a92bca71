"""Is a long list planned lazily? A million scenes of 100 windows each, against the driver's memory and patience.

`python -m tests.bench.planning` lists them from a Parquet table, segments for a while, and prints how long after the
start of the run the first window reached an actor, how much of the list was read, and the largest resident memory
that the driver had. It ends with 1 where the first window took more than 10 s or the driver more than 1 GB.

The cluster is up before the clock starts, as it is on a cluster; what Ray takes to start here is printed too. The
first scenes are links to one painted file, as many as can be reached; all others are only in the list.
"""

import contextlib
import functools
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own
import pyarrow as pa
import pyarrow.parquet as pq
import ray
from jaxtyping import UInt8

from pipeline.geometry.scene import Scene
from pipeline.sources import SceneList
from pipeline.sources.naming import Refusal
from pipeline.testing.brightness import BrightnessSegmenter
from tests.pipeline.flows import paint, run_list

SCENES, WINDOWS_A_SIDE, WINDOW_PX = 1_000_000, 10, 128
LINKS = 1000
RUNS_FOR_S = 60.0
MOST_S, MOST_BYTES = 10.0, 10**9
EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Counted:
    """A scene list that notes how far it was listed."""

    scenes: SceneList
    note: Path

    def __iter__(self) -> Iterator[Scene | Refusal]:
        for number, entry in enumerate(self.scenes, start=1):
            if number % 100 == 0:
                self.note.write_text(str(number))
            yield entry


@dataclass(frozen=True, kw_only=True)
class Noting(BrightnessSegmenter):
    """Notes when it was first asked."""

    note: Path

    def propose(self, chips: UInt8[np.ndarray, "b y x 3"], /) -> dict[str, UInt8[np.ndarray, "b y x"]]:
        if not self.note.exists():
            self.note.write_text(str(time.time()))
        return super().propose(chips)


def make_noting(weights: Mapping[str, np.ndarray], *, note: Path) -> Noting:
    return Noting(note=note, **{name: int(value) for name, value in weights.items()})


class Driver:
    """Watches this process until it has run long enough: the list is not meant to be done."""

    def __init__(self, folder: Path, ray_took_s: float) -> None:
        self.folder, self.ray_took_s = folder, ray_took_s
        self.began = time.time()
        self.peak_bytes = 0

    def watch(self) -> None:
        while time.time() - self.began < RUNS_FOR_S:
            self.peak_bytes = max(self.peak_bytes, psutil.Process().memory_info().rss)
            time.sleep(EVERY_S)

    def report(self) -> int:
        first, listed = self.folder / "first", self.folder / "listed"
        first_s = float(first.read_text()) - self.began if first.exists() else float("inf")
        print(
            json.dumps(
                {
                    "scenes in the list": SCENES,
                    "Ray started in s": round(self.ray_took_s, 1),
                    "first window at an actor after s": round(first_s, 1),
                    "at most s": MOST_S,
                    "listed at the end": int(listed.read_text()) if listed.exists() else 0,
                    "windows done at the end": sum(
                        1 for _ in (self.folder / "out/ledger").glob("*/[0-9]*.json")
                    ),
                    "driver's peak MiB": self.peak_bytes // 2**20,
                    "at most MiB": MOST_BYTES // 2**20,
                },
                indent=1,
            )
        )
        return int(first_s > MOST_S or self.peak_bytes > MOST_BYTES)


def write_list(folder: Path) -> Path:
    """Paint a scene, link to it, and list a million."""
    side = WINDOWS_A_SIDE * WINDOW_PX
    scene = paint(folder / "scene.tif", height=side, width=side)
    names = [f"scene-{number:07}.tif" for number in range(SCENES)]
    for name in names[:LINKS]:
        (folder / name).hardlink_to(scene)
    pq.write_table(pa.table({"uri": names}), folder / "list.parquet")
    return folder / "list.parquet"


def main() -> int:
    """Run in a thread that ends with the process; watch from this one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        listed = write_list(folder)
        began = time.time()
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=512 * 2**20)
        driver = Driver(folder, time.time() - began)
        run = functools.partial(
            run_list,
            Counted(SceneList((str(listed),)), folder / "listed"),
            folder / "out",
            make_segmenter=functools.partial(make_noting, note=folder / "first"),
            window_px=WINDOW_PX,
        )
        threading.Thread(target=run, daemon=True).start()
        driver.watch()
        code = driver.report()
        end_workers()
    return code


def end_workers() -> None:
    """End what this process started: Ray, and the run in its other thread with it."""
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # an orderly end would wait for a run that has no cluster any more
