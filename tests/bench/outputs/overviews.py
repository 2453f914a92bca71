"""What do overviews cost, and what are they worth? CPU beside the run's, memory, and the first picture of a huge scene.

`python -m tests.bench.outputs.overviews` ends with 1 where the overviews of a scene of 4096 px a side take more than
5 % of the CPU time of its run by the embedded checkpoint, where those of a store of 32768 px take more than 1 GB, or
where the first picture of that store, by rio-tiler or by zarr's arrays in dask, reads more than 4 MB or takes more
than 2 s. Each is of a process of its own; a picture's libraries are loaded before its clock starts.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own

from pipeline import store
from pipeline.geometry.window import Window
from pipeline.output import Output, SceneOutput, ledger
from pipeline.testing import painted
from tests.pipeline.made_outputs import header_of

SIDE_PX, HUGE_PX, WINDOW_PX, CHUNK_PX = 4096, 32768, 2048, 1024
MOST_SHARE, MOST_BYTES, MOST_PICTURE_BYTES, MOST_PICTURE_S = 0.05, 1e9, 4e6, 2.0
PICTURE_PX = 512
NAMES = ("building", "land", "road", "vegetation", "water")
THREADS = 2


def main() -> int:
    """Print the figures beside their bounds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("step", nargs="?", choices=STEPS, help="one step, in a process of its own")
    parser.add_argument("folder", nargs="?", type=Path)
    given = parser.parse_args()
    if given.step is not None:
        print(json.dumps(STEPS[given.step](given.folder)))
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run, huge = step("run", folder), step("huge", folder)
        share = step("again", folder)["cpu_s"] / run["cpu_s"]
        figures = {
            f"overviews of {SIDE_PX} px beside the run's CPU": (share, MOST_SHARE),
            f"peak bytes of {HUGE_PX} px": (huge["peak_bytes"], MOST_BYTES),
        }
        for reader in ("rio_tiler", "dask"):
            picture = step(reader, folder)
            figures[f"first picture by {reader}, bytes"] = picture["bytes"], MOST_PICTURE_BYTES
            figures[f"first picture by {reader}, s"] = picture["s"], MOST_PICTURE_S
    print(f"overviews of {HUGE_PX} px: {huge['cpu_s']:.1f} CPU s, {huge['s']:.1f} s in {THREADS} threads")
    for figure, (found, most) in figures.items():
        print(f"{figure}: {found:.4g}, at most {most:g}")
    return int(any(found > most for found, most in figures.values()))


def step(name: str, folder: Path) -> dict[str, float]:
    """Run a step in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.outputs.overviews", name, str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def segmented(folder: Path) -> dict[str, float]:
    """Segment a painted scene; returns the CPU time of the run's processes."""
    painted.paint_scene(folder / "a.tif", height=SIDE_PX, width=SIDE_PX, seed=1001)
    words = "; ".join(NAMES)
    command = [sys.executable, "-m", "jobs.segment", str(folder / "a.tif"), "--classes", words]
    run = subprocess.Popen([*command, "-o", str(folder / "out")], stdout=subprocess.DEVNULL)
    cpu_s: dict[int, float] = {}
    while run.poll() is None:
        time.sleep(0.2)
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):  # it has ended meanwhile
                used = process.cpu_times()
                cpu_s[process.pid] = used.user + used.system
    if run.returncode:
        raise SystemExit(f"mrovseg segment ended with {run.returncode}")
    return {"cpu_s": sum(cpu_s.values())}


def again(folder: Path) -> dict[str, float]:
    """Make the overviews of that scene once more, in this process."""
    output = Output(str(folder / "out"))
    (scene_id,) = output.scene_ids()
    scene = output.scene(scene_id)
    (header, *_) = store.levels(scene)
    described = store.describe(scene)
    root = json.loads((folder / f"out/scenes/{scene_id}/masks.zarr/zarr.json").read_text())["attributes"]
    made_by = {key: value for key, value in root["mrovseg"].items() if key not in {"scene", "complete"}}
    layout = store.StoreLayout(
        header=header,
        name=scene_id,
        classes=described.classes[1:],
        chunk_px=described.chunk_px,
        colors=described.colors,
        contents=described.contents,
        origin=root["mrovseg"]["scene"],
        made_by=made_by,
    )
    (folder / f"out/overviews/{scene_id}.json").unlink()
    return _measured(lambda: store.write_overviews(scene, layout, window_px=WINDOW_PX))


def huge(folder: Path) -> dict[str, float]:
    """Make the overviews of a store of painted class ids, all windows of which are alike."""
    scene = Output(str(folder / "huge")).scene("a")
    truth = painted.paint(Window(0, 0, WINDOW_PX, WINDOW_PX), seed=1001)[1].astype(np.uint8)
    header = header_of(np.broadcast_to(np.uint8(0), (HUGE_PX, HUGE_PX)))
    layout = store.StoreLayout(header=header, name="a", classes=NAMES, chunk_px=CHUNK_PX)
    store.lay_out(scene, header=header, classes=NAMES, chunk_px=CHUNK_PX)
    for row in range(0, HUGE_PX, WINDOW_PX):
        for col in range(0, HUGE_PX, WINDOW_PX):
            _write(scene, truth, row, col)
    return _measured(lambda: store.write_overviews(scene, layout, window_px=WINDOW_PX, threads=THREADS))


def _write(scene: SceneOutput, truth: np.ndarray, row: int, col: int) -> None:
    window = Window(row, col, WINDOW_PX, WINDOW_PX)
    labels = {"class": truth, "score": 200 + truth, "margin": 100 + truth}
    digests = store.write(scene, labels, window=window)
    ledger.commit(scene, window=window, digests=digests, statistics=[])


def rio_tiler(folder: Path) -> dict[str, float]:
    """Draw the whole scene by rio-tiler, of its coarsest level."""
    import rioxarray  # noqa: F401, PLC0415 - it gives xarray its `.rio`
    import xarray as xr  # noqa: PLC0415 - of this step alone
    from rio_tiler.io.xarray import XarrayReader  # noqa: PLC0415

    def picture() -> None:
        (_, *coarser) = store.levels(Output(str(folder / "huge")).scene("a"))
        dataset = xr.open_zarr(_masks(folder), group=str(len(coarser)))
        with XarrayReader(dataset["class"]) as reader:
            image = reader.preview(max_size=PICTURE_PX)
        if max(image.array.shape[1:]) != PICTURE_PX:
            raise SystemExit(f"the picture is of {image.array.shape}")

    return _read(picture)


def dask(folder: Path) -> dict[str, float]:
    """Open all levels as a tree over dask, and read the coarsest."""
    import dask.array  # noqa: F401, PLC0415 - xarray imports it late
    import xarray as xr  # noqa: PLC0415 - of this step alone

    def picture() -> None:
        tree = xr.open_datatree(_masks(folder), engine="zarr", chunks={})
        coarsest = tree[max((name for name in tree.children if name.isdigit()), key=int)]
        pixels = coarsest["class"].to_numpy()
        if max(pixels.shape) != PICTURE_PX:
            raise SystemExit(f"the picture is of {pixels.shape}")

    return _read(picture)


def _masks(folder: Path) -> str:
    return str(folder / "huge/scenes/a/masks.zarr")


def _read(picture: Callable[[], None]) -> dict[str, float]:
    before_bytes, before_s = _read_bytes(), time.monotonic()
    picture()
    return {"s": time.monotonic() - before_s, "bytes": _read_bytes() - before_bytes}


def _read_bytes() -> int:
    """What this process has read of files, cached by the system or not."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["rchar"])


def _measured(make: Callable[[], object]) -> dict[str, float]:
    began_s, cpu_s = time.monotonic(), time.process_time()
    make()
    return {
        "cpu_s": time.process_time() - cpu_s,
        "s": time.monotonic() - began_s,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


STEPS: dict[str, Callable[[Path], dict[str, float]]] = {
    "run": segmented,
    "again": again,
    "huge": huge,
    "rio_tiler": rio_tiler,
    "dask": dask,
}

if __name__ == "__main__":
    sys.exit(main())
