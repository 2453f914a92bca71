"""How fast are polygons made of a scene of 32768 px a side, and in how much memory?

`python -m tests.bench.outputs.polygons [SIDE_PX]` writes a store of painted class ids (a painted square of 4096 px,
mirrored over and over), exports its polygons as they are and simplified, each in a process of its own, and prints
what it took. It ends with 1 where one of them had more than 2 GB or did less than a megapixel a CPU second.
"""

import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyproj

from pipeline import export, store
from pipeline.export import Exported, Selection
from pipeline.export.polygons import Polygons
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window
from pipeline.output import Output, Plan, ledger
from pipeline.storage.location import Location
from pipeline.testing.painted import CLASSES, paint

SIDE_PX = 32768
PAINTED_PX = 4096
WINDOW_PX = 2048
MOST_BYTES = 2e9
LEAST_MPX = 1.0


def lay_out(output: Output, side_px: int) -> None:
    """Write a store of painted class ids, with the scores of places of 4 px, and commit all of its windows."""
    scene = output.scene("painted")
    header = Header(
        height=side_px,
        width=side_px,
        bands=3,
        dtype="uint8",
        crs_wkt=pyproj.CRS.from_epsg(32633).to_wkt(),
        transform=(0.5, 0.0, 391_000.0, 0.0, -0.5, 5_820_000.0),
        nodata=None,
    )
    store.lay_out(
        scene,
        header=header,
        classes=CLASSES,
        chunk_px=1024,
        contents=store.Contents(score_stride_px=4),
        origin={"uri": "painted.tif", "datetime": "2026-01-01T00:00:00Z"},
        made_by={"run": "a" * 64},
    )
    painted = paint(Window(0, 0, PAINTED_PX, PAINTED_PX), seed=1)[1]
    windows = list(plan_windows(side_px, side_px, window_px=WINDOW_PX))
    for window in windows:
        flips = (window.row_off // PAINTED_PX % 2, window.col_off // PAINTED_PX % 2)
        ids = np.flip(painted, tuple(axis for axis in (0, 1) if flips[axis]))
        at = (window.row_off % PAINTED_PX, window.col_off % PAINTED_PX)
        ids = np.ascontiguousarray(ids[at[0] : at[0] + window.height, at[1] : at[1] + window.width])
        scores = ids[::4, ::4] * np.uint8(20)
        digests = store.write(scene, {"class": ids, "score": scores, "margin": scores}, window=window)
        ledger.commit(scene, window=window, digests=digests, statistics=[])
    ledger.note_plan(scene, plan=Plan(len(windows), "0" * 32), inputs=b"{}\n", instead_of=None)


def measure(output: Output, exporter: Polygons, folder: str) -> tuple[float, int, int]:
    """Export in this process; returns CPU seconds, the most memory ever used and the bytes that were made."""
    begun = time.process_time()
    made = export.export_scene(
        "painted",
        output=output,
        selection=Selection(window_px=WINDOW_PX),
        exporter=exporter,
        folder=Location(folder),
    )
    if not isinstance(made, Exported):
        raise SystemExit(made.reason)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return time.process_time() - begun, peak, sum(made.files.values())


def main(side_px: int = SIDE_PX) -> int:
    """Print CPU time and memory of every kind of export."""
    late = False
    with tempfile.TemporaryDirectory() as folder:
        output = Output(f"{folder}/out")
        lay_out(output, side_px)
        for exporter in (Polygons(), Polygons(simplify_m=1.0), Polygons(file_format="gpkg", simplify_m=1.0)):
            with ProcessPoolExecutor(1, get_context("spawn")) as process:
                cpu_s, peak, size = process.submit(
                    measure, output, exporter, str(Path(folder) / "made")
                ).result()
            mpx = side_px**2 / 1e6 / cpu_s
            late |= peak > MOST_BYTES or mpx < LEAST_MPX
            print(
                f"{exporter}: {cpu_s:.0f} CPU s, {mpx:.2f} Mpx a CPU second, {peak / 1e9:.2f} GB, "
                f"files of {size / 1e6:.0f} MB",
                flush=True,
            )
    return int(late)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
