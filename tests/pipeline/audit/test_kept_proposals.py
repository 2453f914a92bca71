"""Whatever is damaged of proposals and of scores of places is found, and the windows are done anew."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import statistics, store
from pipeline.audit.verification import Provenance, Report, forget, verify
from pipeline.config import PLAIN
from pipeline.flow import scene_inputs
from pipeline.flow.steps import summarize_scenes
from pipeline.geometry.areas import pixel_areas_m2
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window
from pipeline.output import Output, Plan, SceneOutput, ledger
from pipeline.sources.naming import scene_of
from pipeline.storage import objects
from tests.pipeline.flows import digests, paint
from tests.pipeline.maps import CHUNK_PX, CONTENTS, labels, maps

CLASSES = ("house", "road", "tree")
EXTENT = (100, 150)
WINDOW_PX = 2 * CHUNK_PX
MADE = Provenance(classes=CLASSES, window_px=WINDOW_PX, chunk_px=CHUNK_PX, contents=CONTENTS)


def commit(scene: SceneOutput, header: Header, window: Window) -> None:
    """Write a window, and say that it is done, as the flow does."""
    values = labels(window, extent=EXTENT)
    written = store.write(scene, values, window=window, proposals=maps(window, extent=EXTENT))
    counted = statistics.window_statistics(
        values["class"],
        values["score"],
        pixel_areas_m2(header, window),
        classes=CLASSES,
        nodata=255,
        score_stride_px=CONTENTS.score_stride_px,
    )
    ledger.commit(scene, window=window, digests=written, statistics=counted)


def do(raster: Path, out: Path) -> None:
    """Do what is left to do of a scene in an output, window by window."""
    output, scene = Output(str(out)), scene_of(str(raster))
    mine = output.scene(scene.scene_id)
    files = scene_inputs.inputs_of(scene, PLAIN)
    view = scene_inputs.pin_view(output, scene, PLAIN, keep_valid=False, inputs=files)
    windows, noted = list(plan_windows(*EXTENT, window_px=WINDOW_PX)), objects.get_bytes(mine.inputs)
    done, planned = ledger.done_and_plan(mine)
    plan = Plan(len(windows), ledger.inputs_digest(noted))
    ledger.note_plan(mine, plan=plan, inputs=noted, instead_of=planned)
    store.lay_out_scenes(output)
    store.lay_out(
        mine,
        header=view.header,
        classes=CLASSES,
        chunk_px=CHUNK_PX,
        contents=CONTENTS,
        origin=statistics.origin(view),
    )
    for window in windows:
        if (window.row_off, window.col_off) not in done:
            commit(mine, view.header, window)
    sums = summarize_scenes({scene.scene_id: len(windows)}, output, CLASSES)
    statistics.write_tables(output, statistics.merged([sums]), classes=CLASSES)
    statistics.write_failures(output)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output of one scene of two windows, and the scene beside it."""
    folder = tmp_path_factory.mktemp("kept")
    paint(folder / "a.tif", height=EXTENT[0], width=EXTENT[1])
    do(folder / "a.tif", folder / "out")
    return folder


def look(folder: Path, *, finished: bool = True) -> Report:
    return verify(Output(str(folder / "out")), made=MADE, finished=finished)


def kept_objects(folder: Path) -> list[Path]:
    """Every object of proposals and places: chunks and what was laid out."""
    (masks,) = (folder / "out").glob("scenes/*/masks.zarr")
    return sorted(
        path for group in ("proposals", "places") for path in (masks / group).rglob("*") if path.is_file()
    )


def test_an_undisturbed_output_is_clean(whole: Path) -> None:
    report = look(whole)
    assert (report.windows, report.left, report.uncommitted, report.findings, report.stale) == (
        2,
        0,
        0,
        [],
        [],
    )
    assert len([path for path in kept_objects(whole) if "proposals/index/c/" in str(path)]) == 6


@settings(max_examples=40)
@given(st.data())
def test_a_bit_that_is_flipped_in_any_of_their_objects_is_found(whole: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(kept_objects(whole)))
    before = path.read_bytes()
    bit = data.draw(st.integers(0, 8 * len(before) - 1))
    damaged = bytearray(before)
    damaged[bit // 8] ^= 1 << bit % 8
    path.write_bytes(bytes(damaged))
    try:
        found = look(whole).findings
    finally:
        path.write_bytes(before)
    name = str(path.relative_to(whole / "out"))
    told = {finding.path.split(" of ", 1)[0] for finding in found}
    assert told & {name, name.split("/c/", 1)[0]}, found
    assert {finding.kind for finding in found} == {"altered"}


def test_each_of_their_objects_that_is_gone_is_found(whole: Path) -> None:
    for path in kept_objects(whole):
        before = path.read_bytes()
        path.unlink()
        found = look(whole).findings
        path.write_bytes(before)
        name = str(path.relative_to(whole / "out"))
        assert ("missing", name) in {(finding.kind, finding.path) for finding in found}, name


def test_all_damage_at_once_is_repaired_by_doing_what_is_forgotten(whole: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(whole / "out", tmp_path / "out"))
    chance = random.Random(3)
    for path in chance.sample(kept_objects(tmp_path), 12):
        if chance.random() < 0.5:
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:-1])
    report = look(tmp_path)
    assert report.findings
    forget(Output(str(out)), report.findings)
    do(whole / "a.tif", out)
    assert digests(out) == digests(whole / "out")
    assert look(tmp_path).findings == []


def test_chunks_of_windows_that_are_not_done_are_counted_and_strays_found(
    whole: Path, tmp_path: Path
) -> None:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    (entry,) = (tmp_path / "out").glob("ledger/*/0-128.json")
    entry.unlink()
    report = look(tmp_path, finished=False)
    assert (report.left, report.uncommitted, report.findings) == (1, 2 * len(CONTENTS.arrays), [])
    (masks,) = (tmp_path / "out").glob("scenes/*/masks.zarr")
    strays = {
        "proposals/index/c/0/0/0/0/1": "extra",  # a chunk is one object
        "proposals/index/c/0/9/0/0/0": "extra",
        "0/score/c/0/0": "extra",  # scores are of places
        "proposals/weight/c/0/0/0/0/0.5f.partial": "leftover",
    }
    for name in strays:
        (masks / name).parent.mkdir(parents=True, exist_ok=True)
        (masks / name).write_bytes(b"x")
    found = {finding.path.partition("masks.zarr/")[2]: finding.kind for finding in look(tmp_path).findings}
    assert found.items() >= strays.items()


def test_a_class_has_the_mean_score_of_its_pixels_places() -> None:
    window = Window(0, 0, 64, 64)
    values = labels(window, extent=EXTENT)
    counted = statistics.window_statistics(
        values["class"], values["score"], None, classes=CLASSES, nodata=255, score_stride_px=4
    )
    of_pixels = np.kron(values["score"], np.ones((4, 4), np.uint8))
    for record in counted:
        expected = of_pixels[values["class"] == record["class_id"]].mean() / 254
        assert record["mean_score"] == pytest.approx(expected)
