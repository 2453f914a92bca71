"""What a verb loads before it has something to do: a program of its own says it, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.run import run_record
from pipeline.output import Output
from tests.jobs.conftest import PaintScene
from tests.jobs.run.test_run_record import description

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = (
    "ray",
    "torch",
    "open_clip",
    "rasterio",
    "zarr",
    "pyarrow",
    "numpy",
    "fsspec",
    "pydantic",
    "pandas",
)
NETWORK = {"torch", "torchvision", "open_clip", "timm", "ray"}
PROGRAM = f"""
import contextlib, io, sys
from jobs import cli
with contextlib.redirect_stdout(io.StringIO()):
    code = cli.main(sys.argv[1:])
print(code, *(name for name in {(*LIBRARIES, "torchvision", "timm")!r} if name in sys.modules))
"""


def loaded(*arguments: str) -> set[str]:
    """The libraries that a command has loaded when it ends well."""
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    code, *names = found.stdout.split()
    assert code == "0", found.stderr
    return set(names)


def test_the_help_of_the_command_loads_nothing_heavy() -> None:
    assert loaded("--help") == set()


@pytest.mark.parametrize("verb", ["segment", "relabel", "plan", "inspect", "status", "verify", "demo"])
def test_the_help_of_a_verb_loads_no_network_and_no_cluster(verb: str) -> None:
    assert not loaded(verb, "--help") & NETWORK


def test_status_loads_no_network_no_cluster_and_no_raster(tmp_path: Path) -> None:
    run_record.write_description(Output(str(tmp_path)), description(tmp_path))
    assert not loaded("status", str(tmp_path)) & (NETWORK | {"rasterio", "zarr", "pydantic", "pandas"})


def test_a_plan_loads_no_network_and_no_cluster(paint_scene: PaintScene) -> None:
    assert not loaded("plan", str(paint_scene("a.tif", height=64, width=64))) & NETWORK


def test_what_is_loaded_is_noticed() -> None:
    assert "torch" in loaded("info", "--help")
