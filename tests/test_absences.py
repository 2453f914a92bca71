"""Each wing imports where the other's libraries do not exist; a library is absent by being blocked."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

IMPORT_ALL = """
import importlib, pkgutil, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"{{name.split('.')[0]}} is absent", name=name)

sys.meta_path.insert(0, Absent())
package = importlib.import_module({package!r})
names = [found.name for found in pkgutil.walk_packages(package.__path__, {package!r} + ".")]
for name in names:
    importlib.import_module(name)
print(len(names))
print([name for name in sys.modules if name.split(".")[0] in {blocked!r}])
"""

MODEL_LIBRARIES = ("torch", "torchvision", "open_clip", "timm", "safetensors", "mrovseg", "jobs")
PIPELINE_LIBRARIES = ("ray", "rasterio", "zarr", "fsspec", "s3fs", "pyproj", "pyarrow", "pipeline", "jobs")


def import_all(package: str, *, blocked: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Import every module of a package in a process of its own where some libraries are absent."""
    script = IMPORT_ALL.format(package=package, blocked=set(blocked))
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("package", "blocked"), [("pipeline", MODEL_LIBRARIES), ("mrovseg", PIPELINE_LIBRARIES)]
)
def test_a_wing_imports_without_the_other(package: str, blocked: tuple[str, ...]) -> None:
    found = import_all(package, blocked=blocked)
    assert found.returncode == 0, found.stderr
    count, loaded = found.stdout.splitlines()
    assert int(count) > 10
    assert loaded == "[]"


@pytest.mark.parametrize(("package", "blocked"), [("pipeline", ("rasterio",)), ("mrovseg", ("torch",))])
def test_blocking_a_library_a_wing_needs_is_noticed(package: str, blocked: tuple[str, ...]) -> None:
    found = import_all(package, blocked=blocked)
    assert found.returncode != 0
    assert f"{blocked[0]} is absent" in found.stderr


def test_a_worker_that_watches_a_run_does_not_import_what_only_its_steps_need() -> None:
    script = "import sys, pipeline.flow.watch.registry; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names = set(loaded.stdout.split())
    assert {"ray", "pipeline.flow.watch.registry"} <= names
    assert names.isdisjoint({"ray.data", "pandas", "rasterio", "zarr", "numba"})


def test_the_flow_has_every_name_that_it_offers() -> None:
    script = "from pipeline import flow; print(*(getattr(flow, name).__name__ for name in flow.__all__))"
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == importlib.import_module("pipeline.flow").__all__
