"""A whole run through a storage of which one request in ten fails: the bytes and, nearly, the time of a calm one."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.storage import objects
from pipeline.storage.location import Location
from pipeline.testing.brightness import BrightnessSegmenter
from tests.pipeline.flows import paint
from tests.servers.faulty_proxy import Fault, faulty_proxy
from tests.servers.s3_server import S3Server

ROOT = Path(__file__).resolve().parents[3]
SCENES, SIDE_PX, WINDOW_PX = 2, 768, 256
SHARE, SEED = 0.1, 7
CHIP_S = 0.125  # 2 s a window of 16 chips: `tiny` takes some 4 s for a window of 2048 px on one thread
PROGRAM = """
import json, sys, time
import ray
from tests.pipeline.flows import run_flow
from tests.pipeline.flow.test_faulty_run import make_as_slow_as_a_model
ray.init(num_cpus=4, include_dashboard=False, object_store_memory=256 * 1024 * 1024)
*scenes, output = sys.argv[1:]
began_s = time.monotonic()
result = run_flow(scenes, output, actors=2, window_px=256, make_segmenter=make_as_slow_as_a_model)
took_s = time.monotonic() - began_s
print(json.dumps({"took_s": took_s, "done": result.windows_done, "failed": result.failures_in_all}))
"""


class AsSlowAsAModel(BrightnessSegmenter):
    """Takes the time of a network, so that the storage has what it has in a real run to be hidden behind."""

    def propose(self, chips: np.ndarray, /) -> dict[str, np.ndarray]:
        time.sleep(CHIP_S * len(chips))
        return super().propose(chips)


def make_as_slow_as_a_model(weights: Mapping[str, np.ndarray]) -> AsSlowAsAModel:
    return AsSlowAsAModel(**{name: int(value) for name, value in weights.items()})


def run_in_a_process_of_its_own(scenes: list[str], output: str, *, endpoint: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *scenes, output],
        cwd=ROOT,
        env={**os.environ, "AWS_ENDPOINT_URL": endpoint},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_run_through_faults_gives_the_bytes_of_a_calm_one(
    tmp_path: Path, s3: str, s3_server: S3Server
) -> None:
    windows = SCENES * (SIDE_PX // WINDOW_PX) ** 2
    scenes = [f"{s3}/scenes/{number}.tif" for number in range(SCENES)]
    for number, uri in enumerate(scenes):
        path = paint(tmp_path / f"{number}.tif", height=SIDE_PX, width=SIDE_PX, seed=number)
        objects.put_bytes(Location(uri), path.read_bytes())
    told, found = {}, {}
    with faulty_proxy(s3_server.endpoint) as proxy:
        for name, share in (("calm", 0.0), ("disturbed", SHARE)):
            proxy.disturb(share, seed=SEED)
            told[name] = run_in_a_process_of_its_own(scenes, f"{s3}/{name}", endpoint=proxy.endpoint)
            found[name] = {
                each.uri.removeprefix(f"{s3}/{name}"): objects.get_bytes(each)
                for each in objects.walk(Location(f"{s3}/{name}"))
            }
            print(f"{name}: {told[name]['took_s']:.1f} s, {proxy.requests} requests, seed {SEED}", end="; ")
            print(*(f"{fault}: {count}" for fault, count in sorted(proxy.injected.items())), sep=", ")
        assert set(proxy.injected) == set(Fault)
    ratio = told["disturbed"]["took_s"] / told["calm"]["took_s"]
    print(f"{ratio:.2f} times as long")
    assert [told[name]["done"] for name in told] == [windows, windows]
    assert [told[name]["failed"] for name in told] == [0, 0]
    assert found["disturbed"] == found["calm"]
    assert ratio <= 2
