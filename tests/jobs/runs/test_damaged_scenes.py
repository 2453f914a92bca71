"""A run over damaged and hostile files: each has its reason, and the good scenes among them are complete."""

import io
import json
import subprocess
import sys
import warnings
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import rasterio

from pipeline.sources.naming import scene_of
from tests.jobs.conftest import PaintScene

EACH_MAY_TAKE_S = 60
MAY_TAKE_BYTES = 2 * 2**30

READ_ALL = """
import json, resource, sys, time
from pipeline import raster
from pipeline.errors import RasterError
from pipeline.sources.naming import scene_of
from pipeline.geometry.window import Window

took = {}
for path in json.load(sys.stdin):
    began = time.monotonic()
    try:
        view = raster.view_of(scene_of(path))
        raster.read_view(view, Window(0, 0, view.header.height, view.header.width))
    except RasterError as error:
        assert path in str(error), error
    took[path] = time.monotonic() - began
print(json.dumps([took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]))
"""


def damaged(shared_data: Path) -> list[Path]:
    return sorted(path for path in (shared_data / "corrupt").rglob("*") if path.is_file())


def reads_whole(path: Path) -> bool:
    """Whether rasterio by itself reads the file whole, without an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with rasterio.open(path) as source:
                source.read()
        except (rasterio.errors.RasterioError, MemoryError):
            return False
    return True


def test_no_damaged_file_takes_long_or_much_memory(shared_data: Path) -> None:
    files = damaged(shared_data)
    assert len(files) == 80
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL],
        input=json.dumps([str(path) for path in files]),
        cwd=Path.cwd(),
        capture_output=True,
        text=True,
        check=True,
        timeout=EACH_MAY_TAKE_S * 4,
    )
    took, peak_bytes = json.loads(done.stdout)
    assert len(took) == len(files)
    assert max(took.values()) < EACH_MAY_TAKE_S
    assert peak_bytes < MAY_TAKE_BYTES


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_damaged_scenes_fail_by_name_and_the_good_ones_are_complete(
    shared_data: Path, tmp_path: Path, paint_scene: PaintScene
) -> None:
    from jobs import segment  # noqa: PLC0415 - with torch
    from mrovseg.weights import checkpoint as checkpoints  # noqa: PLC0415
    from tests.mrovseg.networks import SMALL, all_weights  # noqa: PLC0415

    network = tmp_path / "small.safetensors"  # one of the files is read, and has 4 megapixels
    checkpoints.save(network, config=SMALL, weights=all_weights(SMALL), known_phrases=None)
    good = [paint_scene(f"good-{place}.tif", height=128, width=128) for place in range(3)]
    bad, output = damaged(shared_data), tmp_path / "out"
    scenes = [str(path) for path in (*bad[:40], *good, *bad[40:])]
    flags = ["--classes", "building; road", "--actors", "1", "--checkpoint", str(network)]
    assert segment.main([*scenes, "-o", str(output), *flags]) == 3
    rows = pq.read_table(io.BytesIO((output / "failures.parquet").read_bytes())).to_pylist()
    failed = {row["uri"]: row for row in rows}
    assert len(failed) == len(rows)
    for path in good:
        assert list((output / "ledger" / scene_of(str(path)).scene_id).glob("[0-9]*.json"))
        assert str(path) not in failed
    for path in bad:
        row, finished = failed.get(str(path)), output / "ledger" / scene_of(str(path)).scene_id
        assert (row is None) == any(finished.glob("[0-9]*.json")), path
        assert row is None or (str(path) in row["message"] and row["error"] == "RasterError"), row
        assert row is not None or reads_whole(path), path
    print(f"{len(rows)} refused, {len(bad) - len(rows)} read")
