"""Does a storage that fails slow a run down? The same run through a calm storage and through one that is not.

`python -m tests.bench.faults` segments two painted scenes on a real S3 server behind a proxy, with a segmenter that
takes the time of a network, so that the storage has what it has in a real run to be hidden behind. Once the proxy
passes everything on, once it lets one request in ten fail. Ends with 1 where the second took more than twice as long.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import ray

from pipeline.storage import objects
from pipeline.storage.location import Location
from pipeline.testing.brightness import BrightnessSegmenter
from tests.pipeline.flows import paint, run_flow
from tests.servers.faulty_proxy import FaultyProxy, faulty_proxy
from tests.servers.s3_server import BUCKET, running_s3_server

SCENES, SIDE_PX, WINDOW_PX = 2, 768, 256
SHARE, SEED, MOST = 0.1, 7, 2.0
CHIP_S = 0.125  # 2 s a window of 16 chips: `tiny` takes some 4 s for a window of 2048 px on one thread


class AsSlowAsAModel(BrightnessSegmenter):
    """Takes the time of a network."""

    def propose(self, chips: np.ndarray, /) -> dict[str, np.ndarray]:
        """Wait, and propose."""
        time.sleep(CHIP_S * len(chips))
        return super().propose(chips)


def make_as_slow_as_a_model(weights: Mapping[str, np.ndarray]) -> AsSlowAsAModel:
    """Make the segmenter of an actor."""
    return AsSlowAsAModel(**{name: int(value) for name, value in weights.items()})


def run(scenes: list[str], output: str) -> int:
    """Run once, and print the seconds."""
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, object_store_memory=256 * 2**20)
    began_s = time.monotonic()
    result = run_flow(scenes, output, actors=2, window_px=WINDOW_PX, make_segmenter=make_as_slow_as_a_model)
    took_s = time.monotonic() - began_s
    windows = SCENES * (SIDE_PX // WINDOW_PX) ** 2
    if (result.windows_done, result.failures_in_all) != (windows, 0):
        raise SystemExit(f"expected {windows} windows that are done, got {result}")
    print(json.dumps(took_s))
    return 0


def run_through(proxy: FaultyProxy, scenes: list[str], output: str, *, share: float) -> float:
    """Run in a process whose Ray knows the storage by the proxy; return the seconds it took."""
    proxy.disturb(share, seed=SEED)
    command = [sys.executable, "-m", "tests.bench.faults", *scenes, output]
    environment = {**os.environ, "AWS_ENDPOINT_URL": proxy.endpoint}
    said = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    took_s = float(json.loads(said.splitlines()[-1]))
    print(f"{share:.0%} of {proxy.requests} requests failed: {took_s:.1f} s; {dict(proxy.injected)}")
    return took_s


def main() -> int:
    """Print both times and their ratio."""
    scenes = [f"s3://{BUCKET}/scenes/{number}.tif" for number in range(SCENES)]
    with running_s3_server() as server, tempfile.TemporaryDirectory() as folder:
        os.environ.update(server.environment)
        for number, uri in enumerate(scenes):
            path = paint(Path(folder) / f"{number}.tif", height=SIDE_PX, width=SIDE_PX, seed=number)
            objects.put_bytes(Location(uri), path.read_bytes())
        with faulty_proxy(server.endpoint) as proxy:
            calm_s, disturbed_s = (
                run_through(proxy, scenes, f"s3://{BUCKET}/{share}", share=share) for share in (0.0, SHARE)
            )
    print(f"{disturbed_s / calm_s:.2f} times as long, at most {MOST}")
    return int(disturbed_s > MOST * calm_s)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:-1], sys.argv[-1]) if len(sys.argv) > 1 else main())
