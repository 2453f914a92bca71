"""A whole run through a storage of which one request in ten fails gives the bytes of a calm one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.pipeline.flows import paint, run_flow
from tests.servers.faulty_proxy import Fault, faulty_proxy
from tests.servers.s3_server import S3Server

ROOT = Path(__file__).resolve().parents[3]
SHARE, SEED = 0.1, 99  # by this seed all kinds of faults come twice at least in 110 requests
PROGRAM = """
import json, sys
import ray
from tests.pipeline.flows import run_flow
ray.init(num_cpus=2, include_dashboard=False, object_store_memory=256 * 1024 * 1024)
result = run_flow([sys.argv[1]], sys.argv[2])
print(json.dumps({"done": result.windows_done, "failed": result.failures_in_all}))
"""


def run_in_a_process_of_its_own(scene: str, output: str, *, endpoint: str) -> dict[str, Any]:
    """Run with a Ray of its own, whose workers know the storage by this endpoint."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, scene, output],
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


def contents(output: str) -> dict[str, bytes]:
    """Every object below an output, by its path."""
    found = objects.walk(Location(output))
    return {each.uri.removeprefix(output): objects.get_bytes(each) for each in found}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("ray_cluster")
def test_a_run_through_faults_gives_the_bytes_of_a_calm_one(
    tmp_path: Path, s3: str, s3_server: S3Server
) -> None:
    scene = f"{s3}/a.tif"
    objects.put_bytes(Location(scene), paint(tmp_path / "a.tif").read_bytes())
    calm = run_flow([scene], f"{s3}/calm")
    assert (calm.windows_done, calm.failures) == (4, ())
    with faulty_proxy(s3_server.endpoint) as proxy:
        proxy.disturb(SHARE, seed=SEED)
        told = run_in_a_process_of_its_own(scene, f"{s3}/disturbed", endpoint=proxy.endpoint)
        print(f"{proxy.requests} requests, seed {SEED}; {dict(proxy.injected)}")
        assert set(proxy.injected) == set(Fault)
    assert told == {"done": 4, "failed": 0}
    assert contents(f"{s3}/disturbed") == contents(f"{s3}/calm")
