"""Overviews that are damaged, missing or of an earlier ledger are found, and made anew by the next run."""

import json
import shutil
from pathlib import Path

import pytest

from pipeline import statistics, store
from pipeline.audit.verification import Provenance, Report, forget, verify
from pipeline.geometry.view import View
from pipeline.output import Output
from pipeline.storage import objects
from tests.pipeline.flows import CLASSES, CONTENTS, digests, paint, run_flow

MADE = Provenance(classes=CLASSES, window_px=256, chunk_px=64, contents=CONTENTS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, ray_cluster: None) -> Path:
    """An output of a scene with one coarser level, and the scene beside it."""
    del ray_cluster
    folder = tmp_path_factory.mktemp("whole")
    run(folder, paint(folder / "a.tif", height=300, width=520))
    return folder


@pytest.fixture
def output(whole: Path, tmp_path: Path) -> Path:
    """A copy of the output, to be damaged."""
    shutil.copytree(whole / "out", tmp_path / "out")
    return tmp_path / "out"


def run(folder: Path, scene: Path) -> None:
    assert run_flow([scene], folder / "out", window_px=256, chunk_px=64).failures == ()


def look(output: Path, *, finished: bool = True) -> Report:
    return verify(Output(str(output)), made=MADE, finished=finished)


def the_scene(output: Path) -> str:
    return next((output / "ledger").iterdir()).name


def test_a_run_makes_overviews_of_what_it_did_and_they_are_right(output: Path) -> None:
    scene = Output(str(output)).scene(the_scene(output))
    assert [(each.height, each.width) for each in store.levels(scene)] == [(300, 520), (150, 260)]
    assert objects.exists(scene.overviews)
    assert look(output).findings == []
    assert look(output, finished=False).stale == []


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("scenes/{}/masks.zarr/1/class/c/1/2", "flip"),
        ("scenes/{}/masks.zarr/1/class/c/1/2", "remove"),
        ("scenes/{}/masks.zarr/1/class/c/7/0", "add"),
        ("scenes/{}/masks.zarr/1/class/zarr.json", "flip"),
        ("scenes/{}/masks.zarr/1/y/c/0", "remove"),
        ("overviews/{}.json", "flip"),
        ("overviews/{}.json", "remove"),
    ],
)
def test_damage_is_found_and_repaired(whole: Path, output: Path, name: str, damage: str) -> None:
    path = output / name.format(the_scene(output))
    if damage == "remove":
        path.unlink()
    elif damage == "add":
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    else:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 4
        path.write_bytes(bytes(data))
    findings = look(output).findings
    assert findings
    assert all(finding.is_ours for finding in findings)
    forget(Output(str(output)), findings)
    assert look(output, finished=False).findings == []
    run(output.parent, whole / "a.tif")
    assert digests(output) == digests(whole / "out")
    assert look(output).findings == []


def test_overviews_of_an_earlier_ledger_are_left_to_do_until_a_run_has_finished(output: Path) -> None:
    scene = Output(str(output)).scene(the_scene(output))
    objects.remove(scene.entry(0, 256))
    assert f"overviews/{scene.scene_id}.json" in look(output, finished=False).stale
    assert f"overviews/{scene.scene_id}.json" in {finding.path for finding in look(output).findings}


def test_a_root_that_does_not_tell_of_them_is_found(whole: Path, output: Path) -> None:
    scene = Output(str(output)).scene(the_scene(output))
    made = json.loads(objects.get_bytes(scene.inputs))["view"]
    layout = store.StoreLayout(
        header=View.from_values(made).header,
        name=scene.scene_id,
        classes=CLASSES,
        chunk_px=64,
        contents=CONTENTS,
        origin=statistics.origin(View.from_values(made)),
    )
    root = scene.masks.join("zarr.json")
    objects.put_bytes(root, store.marked(store.documents(layout)["zarr.json"], complete=True))
    (finding,) = look(output).findings
    assert finding.message == "tells of no overviews, which are there"
    forget(scene.output, [finding])
    run(output.parent, whole / "a.tif")
    assert digests(output) == digests(whole / "out")
