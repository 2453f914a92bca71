import json
import signal
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from rio_tiler.io.xarray import XarrayReader

from pipeline import store
from pipeline.errors import StoreError
from pipeline.geometry.window import Window
from pipeline.output import Output, SceneOutput, is_made
from pipeline.storage import objects
from pipeline.store.attributes.georeference import coarser
from pipeline.store.overviews import halving
from tests.pipeline.made_outputs import header_of, make_scene

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import rioxarray  # noqa: F401 - it gives xarray its `.rio`

NAMES = ("building", "paved road")
HEIGHT, WIDTH, CHUNK_PX = 1100, 1501, 128
LEVELS = 2


def class_ids(seed: int = 0) -> np.ndarray:
    """Blobs of classes and of no data, with grain on them."""
    rng = np.random.default_rng(seed)
    coarse = rng.choice(np.array([0, 1, 2, 255], np.uint8), (HEIGHT // 10 + 1, WIDTH // 10 + 1))
    found = coarse.repeat(10, 0).repeat(10, 1)[:HEIGHT, :WIDTH]
    grain = rng.random(found.shape) < 0.1
    return np.where(grain, rng.choice(np.array([0, 1, 2, 255], np.uint8), found.shape), found)


IDS = class_ids()
LAYOUT = store.StoreLayout(
    header=header_of(IDS),
    name="a",
    classes=NAMES,
    chunk_px=CHUNK_PX,
    origin={"uri": "scene.tif", "datetime": None},
    made_by={"run": "a" * 64},
)


def make(folder: Path | str, *, window_px: int = 256, **changed: Any) -> SceneOutput:  # noqa: ANN401 - of several types
    scene = Output(str(folder)).scene("a")
    return make_scene(scene, IDS, names=NAMES, window_px=window_px, chunk_px=CHUNK_PX, **changed)


def held(scene: SceneOutput) -> dict[str, bytes]:
    """All of an output but its ledger, by path."""
    found = {
        scene.output.path_of(each): objects.get_bytes(each) for each in objects.walk(scene.output.location)
    }
    return {path: content for path, content in found.items() if not path.startswith("ledger/")}


def expected(values: np.ndarray, name: str, level: int) -> np.ndarray:
    for _ in range(level):
        halve = halving.halved_classes if name == "class" else halving.halved_values
        values = halve(values, nodata=255)
    return values


def whole(scene: SceneOutput, name: str, level: int) -> np.ndarray:
    header = store.levels(scene)[level]
    return store.read(scene, name, Window(0, 0, header.height, header.width), level)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SceneOutput:
    scene = make(tmp_path_factory.mktemp("made"))
    assert store.write_overviews(scene, LAYOUT, window_px=256)
    return scene


def test_each_level_is_made_of_the_one_before_until_one_fits(made: SceneOutput) -> None:
    assert [(each.height, each.width) for each in store.levels(made)] == [
        (1100, 1501),
        (550, 751),
        (275, 376),
    ]
    for name in store.ARRAYS:
        own = whole(made, name, 0)
        for level in range(1, LEVELS + 1):
            np.testing.assert_array_equal(whole(made, name, level), expected(own, name, level))
    assert store.levels(made)[2].transform == coarser(LAYOUT.header, 4).transform
    part = Window(100, 50, 30, 300)
    np.testing.assert_array_equal(
        store.read(made, "class", part, 2), whole(made, "class", 2)[100:130, 50:350]
    )


def test_they_are_all_that_a_store_laid_out_with_levels_has(made: SceneOutput) -> None:
    documents = store.documents(LAYOUT, levels=LEVELS)
    there = {path.removeprefix("scenes/a/masks.zarr/") for path in held(made)}
    assert documents.keys() <= there
    for key, document in documents.items():
        assert held(made)[f"scenes/a/masks.zarr/{key}"] == document
    assert all(is_made(path, "a") for path in held(made))


def test_the_same_bytes_come_of_other_windows_and_more_threads(made: SceneOutput, tmp_path: Path) -> None:
    for window_px, threads in ((128, 4), (1024, 2)):
        scene = make(tmp_path / str(window_px), window_px=window_px)
        assert store.write_overviews(scene, LAYOUT, window_px=window_px, threads=threads)
        found, wanted = held(scene), held(made)
        for note in (found, wanted):  # the listing of the ledger is of windows
            note["overviews/a.json"] = json.dumps(json.loads(note["overviews/a.json"])["chunks"]).encode()
        assert found == wanted


def test_the_same_bytes_are_in_s3(made: SceneOutput, s3: str) -> None:
    scene = make(objects.join(s3, "out"))
    assert store.write_overviews(scene, LAYOUT, window_px=256, threads=4)
    assert held(scene) == held(made)
    assert not store.write_overviews(scene, LAYOUT, window_px=256)


def test_what_is_current_is_not_made_again_and_what_the_ledger_gained_is(tmp_path: Path) -> None:
    some = [(0, 0), (0, 256), (768, 1280)]
    scene = make(tmp_path, done=some)
    assert store.write_overviews(scene, LAYOUT, window_px=256)
    own = np.full_like(IDS, 255)
    for row, col in some:
        own[row : row + 256, col : col + 256] = IDS[row : row + 256, col : col + 256]
    for level in range(1, LEVELS + 1):
        np.testing.assert_array_equal(whole(scene, "class", level), expected(own, "class", level))
    before = held(scene)
    assert not store.write_overviews(scene, LAYOUT, window_px=256)
    assert held(scene) == before
    make(tmp_path)
    assert store.write_overviews(scene, LAYOUT, window_px=256)
    np.testing.assert_array_equal(whole(scene, "class", 1), expected(IDS, "class", 1))


def test_a_mark_of_completeness_and_laying_out_again_leave_them_alone(tmp_path: Path) -> None:
    scene = make(tmp_path)
    store.write_overviews(scene, LAYOUT, window_px=256)
    store.mark(scene, complete=True)
    before = held(scene)
    make(tmp_path)
    assert held(scene) == before
    objects.remove(scene.overviews)
    assert store.write_overviews(scene, LAYOUT, window_px=256)
    assert held(scene) == before


def test_small_scenes_and_scenes_without_windows_have_none(tmp_path: Path) -> None:
    scene = make(tmp_path, done=[])
    assert not store.write_overviews(scene, LAYOUT, window_px=256)
    small = Output(str(tmp_path)).scene("small")
    ids = IDS[:512, :400]
    make_scene(small, ids, names=NAMES, window_px=256, chunk_px=CHUNK_PX)
    layout = replace(LAYOUT, header=header_of(ids), name="small")
    assert not store.write_overviews(small, layout, window_px=256)
    assert not [path for path in held(scene) if path.startswith("overviews")]
    assert len(store.levels(small)) == 1


def test_scores_of_places_have_no_levels(tmp_path: Path) -> None:
    contents = store.Contents(score_stride_px=4)
    scene = Output(str(tmp_path)).scene("a")
    layout = replace(LAYOUT, contents=contents)
    documents = store.documents(layout, levels=1)
    assert "1/class/zarr.json" in documents
    assert "1/score/zarr.json" not in documents
    store.lay_out(scene, header=LAYOUT.header, classes=NAMES, chunk_px=CHUNK_PX, contents=contents)
    with pytest.raises(StoreError, match="scores of places have none"):
        store.read(scene, "score", Window(0, 0, 1, 1), 1)


def test_a_store_that_is_damaged_keeps_its_levels_to_itself(tmp_path: Path) -> None:
    scene = make(tmp_path)
    root = Path(scene.masks.join("zarr.json").uri)
    right = root.read_bytes()
    root.write_bytes(right.replace(b'"complete"', b'"completed"'))
    with pytest.raises(StoreError, match="verify --forget"):
        store.write_overviews(scene, LAYOUT, window_px=256)
    root.write_bytes(right)
    Path(scene.masks.join("0/class/c/3/2").uri).write_bytes(b"damaged")
    with pytest.raises(StoreError, match="cannot be read"):
        store.write_overviews(scene, LAYOUT, window_px=256)
    assert len(store.levels(scene)) == 1
    assert not objects.exists(scene.overviews)


KILLED = """
import os, sys
from pipeline.storage import objects
from tests.pipeline.store.overviews.test_overviews import LAYOUT, Output, store

from zarr.storage import LocalStore

left, write, put = int(sys.argv[2]), LocalStore.set, objects.put_bytes

def counted():
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), 9)

async def set(self, key, value):
    counted()
    await write(self, key, value)

def put_bytes(location, content):
    counted()
    put(location, content)

LocalStore.set, objects.put_bytes = set, put_bytes
store.write_overviews(Output(sys.argv[1]).scene("a"), LAYOUT, window_px=256, threads=2)
"""


@pytest.mark.slow
@pytest.mark.parametrize("writes", [0, 25, 90, 135, 136])  # the last two are the root and the note
def test_killed_in_the_midst_and_begun_again_they_end_in_the_same_bytes(
    made: SceneOutput, tmp_path: Path, writes: int
) -> None:
    scene = make(tmp_path)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(writes)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(store.levels(scene)) == (1 if writes < 136 else 1 + LEVELS)
    assert not objects.exists(scene.overviews)
    assert store.write_overviews(scene, LAYOUT, window_px=256)
    assert held(scene) == held(made)


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")
@pytest.mark.parametrize("level", range(LEVELS + 1))
def test_rio_tiler_sees_pixels_place_and_no_data_of_each_level(made: SceneOutput, level: int) -> None:
    pixels, header = whole(made, "class", level), store.levels(made)[level]
    with xr.open_zarr(made.masks.uri, group=str(level)) as dataset, XarrayReader(dataset["class"]) as reader:
        image = reader.preview(max_size=None)
        assert reader.crs.to_epsg() == 32633
        assert tuple(reader.transform)[:6] == header.transform
    np.testing.assert_array_equal(image.array.data[0], pixels)
    np.testing.assert_array_equal(np.ma.getmaskarray(image.array)[0], pixels == 255)


def test_whoever_opens_the_store_sees_its_levels_place_names_and_colours(made: SceneOutput) -> None:
    tree = xr.open_datatree(made.masks.uri, engine="zarr", consolidated=True)
    for level, header in enumerate(store.levels(made)):
        dataset = tree[str(level)].to_dataset()
        assert dataset["class"].shape == (header.height, header.width)
        assert dataset["x"].to_numpy()[0] == header.transform[2] + header.transform[0] / 2
        assert dataset["class"].attrs["flag_colors"].split()[0] == "#bdbdbd"
        assert tuple(dataset["class"].attrs["spatial:transform"]) == header.transform
    root = zarr.open_group(made.masks.uri, mode="r").attrs
    layout: Any = root["multiscales"]
    assert [each["asset"] for each in layout["layout"]] == ["0", "1", "2"]
    assert [each.get("derived_from") for each in layout["layout"]] == [None, "0", "1"]
    ome: Any = root["ome"]
    datasets = ome["multiscales"][0]["datasets"]
    assert [each["path"] for each in datasets] == ["0/class", "1/class", "2/class"]
    scales = [each["coordinateTransformations"][0]["scale"] for each in datasets]
    assert scales == [[10.0, 10.0], [20.0, 20.0], [40.0, 40.0]]
