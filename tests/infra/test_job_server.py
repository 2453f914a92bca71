"""The RayJob's entrypoint as a real job: submitted with a token to a head that says how it is."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio
import yaml
import zarr

from tests.infra.test_manifests import manifests
from tests.processes import kill_tree

ROOT = Path(__file__).resolve().parents[2]
RAY = Path(sys.executable).parent / "ray"
STARTED_S = 60.0


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, each another one."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def answer(url: str) -> tuple[int, str]:
    """The status and the text of an answer; 0 while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - of this machine
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""
    except OSError:
        return 0, ""


@dataclass(frozen=True)
class Head:
    """A head: where its servers are, and the environment of who may speak to it."""

    dashboard: str
    agent: str
    metrics: str
    environment: dict[str, str]


@pytest.fixture
def head() -> Iterator[Head]:
    """A head of two CPUs with its dashboard, which wants a token."""
    dashboard, agent, metrics = free_ports(3)
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp", ignore_cleanup_errors=True) as folder:
        environment = {
            **os.environ,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": "t" * 40,
            "PYTHONPATH": str(ROOT),
            "PATH": f"{RAY.parent}{os.pathsep}{os.environ['PATH']}",  # the entrypoint says `python`
        }
        environment.pop("RAY_ADDRESS", None)
        command = [str(RAY), "start", "--head", "--block", "--port=0", "--num-cpus=2", f"--temp-dir={folder}"]
        command += ["--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}", "--include-dashboard=true"]
        command += [f"--dashboard-agent-listen-port={agent}", f"--metrics-export-port={metrics}"]
        command += [f"--object-store-memory={256 * 2**20}", "--disable-usage-stats"]
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            dashboard_uri, agent_uri, metrics_uri = (
                f"http://127.0.0.1:{port}" for port in (dashboard, agent, metrics)
            )
            yield Head(dashboard_uri, agent_uri, metrics_uri, environment)
        finally:
            kill_tree(process)


def wait_until_well(head: Head) -> None:
    """Wait until the addresses that KubeRay probes say so."""
    deadline_s = time.monotonic() + STARTED_S
    for url in (f"{head.dashboard}/api/gcs_healthz", f"{head.agent}/api/local_raylet_healthz"):
        while answer(url) != (200, "success"):
            assert time.monotonic() < deadline_s, (url, answer(url))
            time.sleep(0.5)


def configuration(folder: Path) -> Path:
    """The configuration of the RayJob, of a scene and an output here, and without GPUs."""
    path = folder / "a.tif"
    pixels = (
        np.random.default_rng(0).integers(0, 255, (3, 10, 10)).astype(np.uint8).repeat(20, 1).repeat(20, 2)
    )
    profile = {
        "driver": "GTiff",
        "height": 200,
        "width": 200,
        "count": 3,
        "dtype": "uint8",
        "crs": "EPSG:32633",
    }
    with rasterio.open(path, "w", transform=rasterio.Affine(0.5, 0, 5e5, 0, -0.5, 5e6), **profile) as file:
        file.write(pixels)
    (config,) = manifests("ConfigMap")
    here = {"scenes": [str(path)], "output": str(folder / "out"), "gpus": "none", "actors": 1}
    values = yaml.safe_load(config["data"]["segment.yaml"]) | here
    (folder / "segment.yaml").write_text(yaml.safe_dump({**values, "window_px": 1024}))
    return folder / "segment.yaml"


def submitted(head: Head, entrypoint: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Submit a job as KubeRay's submitter does, and follow it to its end."""
    return subprocess.run(
        [RAY, "job", "submit", "--address", head.dashboard, "--", *entrypoint.split()],
        env=head.environment | environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.mark.slow
def test_the_entrypoint_of_the_rayjob_labels_a_scene_as_a_job(head: Head, tmp_path: Path) -> None:
    wait_until_well(head)
    (rayjob,) = manifests("RayJob")
    config = configuration(tmp_path)
    entrypoint = rayjob["spec"]["entrypoint"].replace("/etc/mrovseg/segment.yaml", str(config))

    refused = submitted(head, entrypoint, RAY_AUTH_TOKEN="f" * 40)
    assert refused.returncode != 0
    assert not (tmp_path / "out").exists()
    assert answer(f"{head.dashboard}/api/jobs/")[0] == 401

    done = submitted(head, entrypoint)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "succeeded" in done.stdout
    assert "windows: 1 done, 0 done before" in done.stdout
    assert "failed:  nothing" in done.stdout
    assert "1 actor of 0.9 CPUs, on cpu in float32" in done.stdout + done.stderr
    (masks,) = (tmp_path / "out" / "scenes").glob("*/masks.zarr")
    found = zarr.open_array(masks / "0" / "class", mode="r")
    assert found.shape == (200, 200)
    assert (np.asarray(found) <= 3).all()  # three classes and `other`; every pixel has data

    config.write_text(config.read_text() + "unknown_key: 1\n")
    failed = submitted(head, entrypoint)
    assert failed.returncode != 0
    assert "unknown key unknown_key" in failed.stdout
    assert "ray_" in answer(f"{head.metrics}/metrics")[1]
