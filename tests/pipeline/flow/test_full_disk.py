"""An output that cannot be written any more: one clear error, nothing half written, and the same command goes on."""

import hashlib
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from pipeline import store
from pipeline.errors import OutputError
from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window
from pipeline.output import Output, ledger
from pipeline.sources.naming import scene_of
from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.pipeline.flows import CLASSES, digests, paint, run_flow
from tests.pipeline.outputs import scene_at

HEADER = Header(
    height=256,
    width=256,
    bands=3,
    dtype="uint8",
    crs_wkt=None,
    transform=(1.0, 0.0, 0.0, 0.0, -1.0, 0.0),
    nodata=None,
)

LAID_OUT_AND_SOME_WINDOWS = 200_000
"""Bytes that hold an empty store, whose files take a page each, and some of the windows but not all."""


@contextmanager
def disk(path: Path, size: str) -> Iterator[Path]:
    """A small disk of its own at ``path``."""
    path.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.decode().strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def remount(path: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(path)], check=True)


def hidden(folder: Path) -> list[Path]:
    """What writers leave that were cut off."""
    return [path for path in folder.rglob("*") if path.name.startswith(".") or path.suffix == ".partial"]


def test_an_object_that_does_not_fit_leaves_the_one_before(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", "1m") as small:
        uri = str(small / "object")
        objects.put_bytes(Location(uri), b"a" * 400_000)
        with pytest.raises(OutputError, match=r"cannot write .*object.*No space left.*Free space there"):
            objects.put_bytes(Location(uri), b"b" * 800_000)
        assert objects.get_bytes(Location(uri)) == b"a" * 400_000
        assert hidden(small) == []
        remount(small, "ro")
        with pytest.raises(OutputError, match=r"Read-only file system.*[Mm]ake it writable"):
            objects.put_bytes(Location(uri), b"b")
        assert objects.get_bytes(Location(uri)) == b"a" * 400_000


def test_a_window_that_does_not_fit_is_no_window_and_written_again_it_is_one(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    labels = {
        name: random.integers(0, 4, (256, 256)).astype(np.uint8) for name in ("class", "score", "margin")
    }
    window = Window(0, 0, 256, 256)
    with disk(tmp_path / "disk", "160k") as small:
        out = small / "scenes/scene/masks.zarr"
        store.lay_out(scene_at(out), header=HEADER, classes=CLASSES, chunk_px=128)
        (small / "ballast").write_bytes(bytes(60_000 - 2 * len(list(out.rglob("*")))))
        with pytest.raises(OutputError, match=r"cannot write .*masks.zarr/0/.*No space left"):
            store.write(scene_at(out), labels, window=window)
        deadline_s = time.monotonic() + 10  # another chunk may be at its end still, in a thread of its own
        while hidden(small) and time.monotonic() < deadline_s:
            time.sleep(0.05)
        assert hidden(small) == []
        (small / "ballast").unlink()
        store.write(scene_at(out), labels, window=window)
        calm = tmp_path / "calm/scenes/scene/masks.zarr"
        store.lay_out(scene_at(calm), header=HEADER, classes=CLASSES, chunk_px=128)
        store.write(scene_at(calm), labels, window=window)
        assert digests(out) == digests(calm)


def test_what_killed_writers_left_is_swept_and_a_writer_at_work_is_not_harmed(tmp_path: Path) -> None:
    for name in (f".0-0.json.{'a' * 32}", f".0-0.json.{'b' * 32}", ".keep", "0-0.json"):
        (tmp_path / name).write_bytes(b"x")
    objects.sweep(Location(str(tmp_path)))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".keep", "0-0.json"]
    objects.sweep(Location(str(tmp_path / "none")))
    out = tmp_path / "scenes/scene/masks.zarr"
    (out / "0").mkdir(parents=True)
    (out / "0" / f".zarr.json.{'c' * 32}").write_bytes(b"half")
    store.lay_out(scene_at(out), header=HEADER, classes=CLASSES, chunk_px=128)
    assert hidden(out) == []


@pytest.fixture(scope="module")
def calm(ray_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A scene, and the output of an undisturbed run of it."""
    del ray_cluster
    folder = tmp_path_factory.mktemp("calm")
    scene = paint(folder / "a.tif", height=384, width=384)
    run_flow([scene], folder / "out", window_px=128)
    return scene, folder / "out"


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_run_whose_output_cannot_be_written_ends_at_once_and_goes_on_later(
    tmp_path: Path, calm: tuple[Path, Path], fault: str
) -> None:
    scene, undisturbed = calm
    scene_id = scene_of(str(scene)).scene_id
    with disk(tmp_path / "disk", "8m") as small:
        out = small / "out"
        if fault == "full":
            _fill(small, leaving_bytes=LAID_OUT_AND_SOME_WINDOWS)
        else:
            remount(small, "ro")
        with pytest.raises(OutputError, match=r"^cannot write .*same command goes on") as raised:
            run_flow([scene], out, window_px=128)
        assert "Traceback" not in str(raised.value)
        assert len(str(raised.value)) < 500
        assert hidden(small) == []
        remount(small, "rw")
        (small / "ballast").unlink(missing_ok=True)
        masks, calm_masks = (each / "scenes" / scene_id / "masks.zarr" for each in (out, undisturbed))
        for entry in ledger.entries(Output(str(out)).scene(scene_id)):  # what counts as done is there
            for name in store.ARRAYS:
                assert entry.digests[name] == _digest(masks, name, entry.window)
            kept, calm_kept = (
                store.read_proposals(scene_at(each), entry.window) for each in (masks, calm_masks)
            )
            assert all(np.array_equal(kept[name], calm_kept[name]) for name in calm_kept)
        if fault == "full":
            assert 0 < len(ledger.done(Output(str(out)).scene(scene_id))) < 9
        for folder in (out, out / "inputs", out / "statistics", out / "ledger" / scene_id):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f".killed.{'0' * 32}").write_bytes(b"half")
        result = run_flow([scene], out, window_px=128)
        assert (result.windows_done + result.windows_skipped, result.failures) == (9, ())
        assert digests(out) == digests(undisturbed)


def _fill(small: Path, *, leaving_bytes: int) -> None:
    """Take all of a disk but so many bytes."""
    stat = subprocess.run(["df", "--output=avail", "-B1", str(small)], capture_output=True, check=True)
    (small / "ballast").write_bytes(bytes(int(stat.stdout.split()[-1]) - leaving_bytes))


def _digest(masks: Path, name: str, window: Window) -> str:
    return hashlib.sha256(
        np.ascontiguousarray(store.read(scene_at(str(masks)), name, window)).data
    ).hexdigest()
