"""Is a worker's memory flat? Its peak over a scene of 8192 px a side against one of 2048.

`python -m tests.bench.memory` prints the largest unique set of pages (USS) that any worker process of a run
had, for either scene, and ends with 1 where the large scene needs more than 1.15 of the small one. Pages
shared with others, such as the object store's, are not a worker's own.
"""

import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own
import ray

from tests.pipeline.flows import paint, run_flow

SIDES_PX = (2048, 8192)
MOST = 1.15
EVERY_S = 0.1
WARM_UP_PX = 1024  # code and libraries are loaded before the first peak is taken


class PeakMemory:
    """Samples the USS of Ray's workers below this process while it is entered."""

    def __init__(self) -> None:
        self.peaks_bytes: dict[int, int] = {}
        self._over = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._sampler.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._sampler.join()

    def _sample(self) -> None:
        while not self._over.wait(EVERY_S):
            for process in psutil.Process().children(recursive=True):
                try:
                    if process.name().startswith("ray::"):
                        used = process.memory_full_info().uss
                        self.peaks_bytes[process.pid] = max(used, self.peaks_bytes.get(process.pid, 0))
                except psutil.Error:  # it has ended meanwhile
                    continue


def peak_bytes(scene: Path, output: Path) -> int:
    """The largest USS of a worker during a run of windows of 1024 px."""
    with PeakMemory() as memory:
        result = run_flow([scene], output, window_px=1024, chunk_px=1024, actors=1)
    if result.failures:
        raise SystemExit(f"the run failed: {result.failures[0]}")
    return max(memory.peaks_bytes.values())


def main() -> int:
    """Print the peaks and their ratio."""
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    with tempfile.TemporaryDirectory() as folder:
        paths = {side: paint(Path(folder) / f"{side}.tif", height=side, width=side) for side in SIDES_PX}
        warm = paint(Path(folder) / "warm.tif", height=WARM_UP_PX, width=WARM_UP_PX)
        peak_bytes(warm, Path(folder) / "warm")
        peaks = {side: peak_bytes(path, Path(folder) / f"out-{side}") for side, path in paths.items()}
    for side, peak in peaks.items():
        print(f"{side} x {side} px: largest worker {peak / 2**20:.0f} MiB")
    ratio = peaks[SIDES_PX[1]] / peaks[SIDES_PX[0]]
    print(f"ratio {ratio:.3f}, at most {MOST}")
    return int(ratio > MOST)


if __name__ == "__main__":
    sys.exit(main())
