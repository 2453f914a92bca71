"""Is memory bounded? Peaks over a scene of 32768 px a side against one of 4096, and under a slow model and writer.

`python -m tests.bench.bounds` prints the peaks of the driver, of the largest actor and reader or writer, of the object
store and of everything together. It ends with 1 where the large scene needs more than 1.10 of the small one, where a
peak passes the bound in pipeline/README.md, with a model or a writer that is eight times slower too, or where Ray
spilled. Every run is a driver and a cluster of its own.

A process's own are the pages that no other has (USS); everything together shares out the others (PSS), such as the
object store's.
"""

import argparse
import contextlib
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own
import rasterio
import ray

from jobs.show import table
from pipeline import raster, store
from pipeline.geometry.grid import plan_windows
from pipeline.testing.brightness import BrightnessSegmenter
from tests.pipeline.flows import paint, run_flow

TILE_PX, LARGE_PX, SLOW_PX = 4096, 32768, 8192
WINDOW_PX = 1024
MOST, SLOWER, EVERY_S = 1.10, 8, 0.2
OBJECT_STORE_BYTES = 2**30
DUMP_EVERY_S = 0.5
MIB = 2**20
SMALL, LARGE = f"{TILE_PX} px", f"{LARGE_PX} px"
_MPX = WINDOW_PX**2 / MIB
BOUNDS_MIB = {  # as pipeline/README.md states them, for windows of so many megapixels; without a network
    "driver": 256,
    "actor": 256 + 48 * _MPX,
    "reader, writer": 256 + 64 * _MPX,
    "object store": 64 + 32 * _MPX,
    "spills": 0,
}
RATIOS = ("driver", "actor", "reader, writer", "together")
ROLES = {  # by the titles that Ray gives its processes; the same ones read and write, as it comes
    "ray::MapWorker": "actor",
    "ray::MapBatches(read": "reader, writer",
    "ray::MapBatches(store": "reader, writer",
}


class Peaks:
    """The memory of a driver and of what is below it, looked at again and again."""

    def __init__(self, driver: int) -> None:
        self._driver = psutil.Process(driver)
        self._own: dict[int, int] = defaultdict(int)
        self._roles: dict[int, set[str]] = defaultdict(set)
        self._together = self._store = 0

    def look(self) -> None:
        """Look once."""
        together = 0
        for process in (self._driver, *self._driver.children(recursive=True)):
            try:
                used, title = process.memory_full_info(), process.cmdline()[0]
            except (psutil.Error, IndexError):  # it has ended meanwhile
                continue
            together += used.pss
            if process.name() == "raylet":
                self._store = _store_bytes(process.pid)
            self._own[process.pid] = max(used.uss, self._own[process.pid])
            self._roles[process.pid] |= {role for begin, role in ROLES.items() if title.startswith(begin)}
        self._together = max(self._together, together)

    def mib(self) -> dict[str, float]:
        """Return the driver's peak, the largest of each role's processes, and that of everything together."""
        largest = {
            role: max(peak for pid, peak in self._own.items() if role in self._roles[pid])
            for role in dict.fromkeys(ROLES.values())
        }
        driver = self._own[self._driver.pid]
        found = {"driver": driver, **largest, "object store": self._store, "together": self._together}
        return {name: peak / MIB for name, peak in found.items()}


def _store_bytes(raylet: int) -> int:
    """Return what the object store takes: pages of a file without a name, which are never given back."""
    taken = 0
    for file in Path(f"/proc/{raylet}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            if "/plasma" in str(file.readlink()):
                taken += 512 * file.stat().st_blocks
    return taken


def measure(scene: Path, *, slow: str = "nothing", window_px: int = WINDOW_PX) -> dict[str, float]:
    """Run over a scene in processes of their own; return seconds, peaks in MiB, and how often Ray spilled."""
    command = [sys.executable, "-m", "tests.bench.bounds", "--scene", str(scene), "--slow", slow]
    began_s = time.monotonic()
    with subprocess.Popen([*command, "--window", str(window_px)], stdout=subprocess.PIPE) as driver:
        peaks = Peaks(driver.pid)
        while driver.poll() is None:
            peaks.look()
            time.sleep(EVERY_S)
        said = driver.communicate()[0]
    if driver.returncode:
        raise SystemExit(f"the run over {scene} failed")
    return {"seconds": time.monotonic() - began_s, **peaks.mib(), **json.loads(said.splitlines()[-1])}


def drive(scene: Path, *, slow: str, window_px: int) -> None:
    """Run over a scene, and print how often Ray spilled."""
    hook = {"worker_process_setup_hook": slow_writer} if slow == "writer" else {}
    joined = ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=OBJECT_STORE_BYTES,
        runtime_env=hook,
        _system_config={"debug_dump_period_milliseconds": round(1000 * DUMP_EVERY_S)},
    )
    with tempfile.TemporaryDirectory(dir=scene.parent) as output:
        make = make_slow if slow == "model" else make_usual
        result = run_flow(
            [scene], output, make_segmenter=make, window_px=window_px, chunk_px=window_px, actors=1
        )
    if result.failures:
        raise SystemExit(f"the run failed: {result.failures[0]}")
    session = joined.address_info["session_dir"]  # type: ignore[attr-defined]  # of a Ray that is started here
    print(json.dumps({"spills": _spills(session)}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Paced(BrightnessSegmenter):
    """Takes a number of times as long as it needs."""

    times: int

    def propose(self, chips: np.ndarray, /) -> dict[str, np.ndarray]:
        began_s = time.monotonic()
        found = super(Paced, self).propose(chips)
        time.sleep((self.times - 1) * (time.monotonic() - began_s))
        return found


def make_usual(weights: Mapping[str, np.ndarray]) -> BrightnessSegmenter:
    return Paced(**{name: int(value) for name, value in weights.items()}, times=1)


def make_slow(weights: Mapping[str, np.ndarray]) -> BrightnessSegmenter:
    return Paced(**{name: int(value) for name, value in weights.items()}, times=SLOWER)


def slow_writer() -> None:
    """Make the store slower, in a worker that begins."""
    usual = store.write

    def write(*arguments: object, **named: object) -> object:
        began_s = time.monotonic()
        found = usual(*arguments, **named)  # type: ignore[arg-type]  # passed on as they are
        time.sleep((SLOWER - 1) * (time.monotonic() - began_s))
        return found

    store.write = write  # type: ignore[assignment]


def _spills(session: str) -> int:
    """Return how often Ray has begun to put objects on the disk, which only what it dumps for people says."""
    time.sleep(3 * DUMP_EVERY_S)
    state = Path(session, "logs", "debug_state.txt").read_text()
    return int(re.findall(r"cumulative spill requests: (\d+)", state)[0])


def tiled(path: Path, tile: Path, *, side_px: int) -> Path:
    """Write a scene that repeats another: painting a thousand megapixels takes too long."""
    with rasterio.open(tile) as source:
        pixels, crs, place = (
            np.moveaxis(source.read(), 0, -1),
            source.crs.to_wkt(),
            tuple(source.transform)[:6],
        )
    with raster.create(str(path), height=side_px, width=side_px, bands=3, crs=crs, transform=place) as target:
        for window in plan_windows(side_px, side_px, window_px=TILE_PX):
            target.write(pixels, window)
    return path


def main() -> int:
    """Measure all, print a table, and say what is too much."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = paint(folder / "small.tif", height=TILE_PX, width=TILE_PX)
        large = tiled(folder / "large.tif", small, side_px=LARGE_PX)
        middling = tiled(folder / "middling.tif", small, side_px=SLOW_PX)
        peaks = {
            SMALL: measure(small),
            LARGE: measure(large),
            f"{SLOW_PX} px, slow model": measure(middling, slow="model"),
            f"{SLOW_PX} px, slow writer": measure(middling, slow="writer"),
        }
    print(table.render(["MiB", *peaks, "bound"], list(_lines(peaks))))
    faults = list(_faults(peaks))
    print("\n".join(faults))
    return int(bool(faults))


def _lines(peaks: Mapping[str, Mapping[str, float]]) -> Iterator[list[str | None]]:
    for name in next(iter(peaks.values())):
        bound = f"{BOUNDS_MIB[name]:.0f}" if name in BOUNDS_MIB else None
        yield [name, *(f"{of[name]:.0f}" for of in peaks.values()), bound]


def _faults(peaks: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    for name in RATIOS:
        ratio = peaks[LARGE][name] / peaks[SMALL][name]
        if ratio > MOST:
            yield f"{name}: {LARGE} needs {ratio:.3f} of {SMALL}, at most {MOST}"
    for run, of in peaks.items():
        yield from (
            f"{name} of {run}: {of[name]:.0f}, at most {most:.0f}"
            for name, most in BOUNDS_MIB.items()
            if of[name] > most
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bounds", description=__doc__)
    parser.add_argument(
        "--scene", type=Path, help="run over this one, as one of the drivers that are measured"
    )
    parser.add_argument("--slow", choices=("nothing", "model", "writer"), default="nothing")
    parser.add_argument("--window", type=int, default=WINDOW_PX)
    return parser.parse_args()


if __name__ == "__main__":
    asked = _arguments()
    if asked.scene is None:
        sys.exit(main())
    drive(asked.scene, slow=asked.slow, window_px=asked.window)
