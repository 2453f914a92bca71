"""The door for people: an output and its scenes in Python, in the lines that the READMEs show."""

import re
import subprocess
import sys
from pathlib import Path

import dask.array
import numpy as np
import pytest
import rioxarray  # noqa: F401 - xarray's arrays get `rio` by it
import xarray

from pipeline import output, store
from pipeline.errors import StoreError
from tests.pipeline.flows import CONTENTS
from tests.pipeline.made_outputs import header_of, make_scene, output_at

ROOT = Path(__file__).resolve().parents[3]
CLASSES = ("water", "parking lot")


def class_ids() -> np.ndarray:
    found = np.random.default_rng(4).integers(0, 3, (130, 200), np.uint8)
    found[:, 170:] = 255
    return found


def test_a_scene_is_a_tree_of_dask_with_names_colours_and_a_place(place: str) -> None:
    made = output_at(place)
    make_scene(made.scene("a-scene"), class_ids(), names=CLASSES)
    assert output.open(place).scene_ids() == ["a-scene"]
    tree = store.open_tree(output.open(place).scene("a-scene"))
    classes = tree["0/class"]
    assert isinstance(classes.data, dask.array.Array)
    assert classes.data.chunksize == (32, 32)
    assert classes.dtype == np.uint8
    np.testing.assert_array_equal(classes.to_numpy(), class_ids())
    assert classes.attrs["class_names"] == ["other", *CLASSES]
    assert classes.attrs["flag_meanings"].split() == ["other", "water", "parking_lot"]
    assert list(classes.attrs["flag_values"]) == [0, 1, 2]
    assert len(classes.attrs["flag_colors"].split()) == 3
    assert classes.rio.crs == "EPSG:32633"
    assert tuple(classes.rio.bounds()) == (5e5, 5e6 - 1300, 5e5 + 2000, 5e6)
    assert isinstance(tree["0/score"].data, dask.array.Array)
    assert tree.attrs["mrovseg"]["run"] == "a" * 64


def test_every_group_of_a_store_with_proposals_is_a_node(tmp_path: Path) -> None:
    scene = output_at(tmp_path / "out").scene("a")
    header = header_of(np.zeros((256, 300), np.uint8))
    store.lay_out(scene, header=header, classes=CLASSES, chunk_px=128, contents=CONTENTS)
    tree = store.open_tree(scene)
    assert set(tree.children) >= {"0", "places", "proposals"}
    assert (tree["0/class"].to_numpy() == 255).all()
    assert tree["places/score"].rio.crs == "EPSG:32633"


def test_a_scene_without_a_store_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="has none of the scene gone"):
        store.open_tree(output_at(tmp_path).scene("gone"))


@pytest.mark.parametrize("readme", ["README.md", "pipeline/README.md"])
def test_the_lines_that_a_readme_shows_work(
    readme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_scene(output_at(tmp_path / "masks").scene("a-scene"), class_ids(), names=CLASSES)
    (shown,) = re.findall(
        r"```python\n(from pipeline import output, store.*?)```", (ROOT / readme).read_text(), re.DOTALL
    )
    assert len(shown.splitlines()) <= 7
    monkeypatch.chdir(tmp_path)
    known: dict[str, object] = {}
    exec(shown, known)  # noqa: S102 - our own lines
    assert isinstance(known["tree"], xarray.DataTree)
    assert known["water"] == (class_ids() == 1).sum()


def test_stores_are_written_without_xarray() -> None:
    code = "import sys, pipeline.store; sys.exit('xarray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
