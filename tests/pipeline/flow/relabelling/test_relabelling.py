"""An output that is labelled again is, to the byte, what a run of those words makes; and what is missing is said."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pipeline import store
from pipeline.config import Reading
from pipeline.geometry.aoi import Aoi
from pipeline.geometry.transform import to_crs
from pipeline.geometry.window import Window
from pipeline.output import Output
from pipeline.raster import read_header
from pipeline.sources.naming import scene_of
from tests.pipeline.flow.relabelling.relabelled import (
    CHUNK_PX,
    WINDOW_PX,
    check,
    relabel,
    segment,
    segment_by_others,
    settings_of,
)
from tests.pipeline.flow.test_flow import make_raising, table, whiten
from tests.pipeline.flow.watch.test_quarantine import WHITE
from tests.pipeline.flows import digests, paint

pytestmark = pytest.mark.usefixtures("ray_cluster")
SCENES_PX = ((2 * WINDOW_PX - 12, 3 * WINDOW_PX - 40), (90, 512))  # height, width: six windows and two


@dataclass(frozen=True)
class Made:
    """Two scenes, what a run over them keeps, and what a run by the other words makes: tests only read them."""

    scenes: list[Path]
    source: Path
    by_others: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, ray_cluster: None) -> Made:
    del ray_cluster
    folder = tmp_path_factory.mktemp("made")
    scenes = [
        paint(folder / f"{name}.tif", height=height, width=width, seed=seed)
        for name, (height, width), seed in zip("ab", SCENES_PX, (7, 3), strict=True)
    ]
    assert not segment(scenes, folder / "out").failures
    assert not segment_by_others(scenes, folder / "run").failures
    return Made(scenes, folder / "out", folder / "run")


def box(scene: Path, window: Window) -> Aoi:
    """The area of interest that is a window of a scene, in its CRS."""
    header = read_header(str(scene))
    x, y = to_crs(
        header.transform,
        rows=np.array([window.row_off, window.row_end]),
        cols=np.array([window.col_off, window.col_end]),
    )
    corners = ((x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1]))
    ring = tuple((float(one), float(other)) for one, other in corners)
    assert header.crs_wkt is not None
    return Aoi(crs=header.crs_wkt, polygons=((ring,),))


def class_ids(output: Path, scene: Path, window: Window) -> np.ndarray:
    return store.read(Output(str(output)).scene(scene_of(str(scene)).scene_id), "class", window)


@pytest.mark.parametrize("full", [False, True])
def test_it_is_to_the_byte_what_a_run_of_those_words_makes(made: Made, tmp_path: Path, full: bool) -> None:  # noqa: FBT001
    before, expected = digests(made.source), made.by_others
    if full:
        expected = tmp_path / "run"
        assert not segment_by_others(made.scenes, expected, full=True).failures
    result = relabel(made.source, tmp_path / "other", full=full)
    assert (result.windows_done, result.windows_skipped, result.failures) == (8, 0, ())
    assert digests(tmp_path / "other") == digests(expected)
    assert digests(made.source) == before
    assert check(tmp_path / "other", full=full).findings == []
    again = relabel(made.source, tmp_path / "other", full=full)
    assert (again.windows_done, again.windows_skipped) == (0, 8)
    assert digests(tmp_path / "other") == digests(expected)


def test_what_is_chosen_is_done_and_the_rest_later(made: Made, tmp_path: Path) -> None:
    chosen = frozenset([scene_of(str(made.scenes[1])).scene_id])
    assert relabel(made.source, tmp_path / "other", chosen=chosen).windows_done == 2
    assert {row["scene_id"] for row in table(tmp_path / "other", "summary.parquet")} == chosen
    result = relabel(made.source, tmp_path / "other")
    assert (result.windows_done, result.windows_skipped) == (6, 2)
    assert digests(tmp_path / "other") == digests(made.by_others)


def test_what_failed_there_fails_with_the_reason_until_it_is_done_there(tmp_path: Path) -> None:
    white, broken = whiten(paint(tmp_path / "a.tif"), WHITE), tmp_path / "broken.tif"
    broken.write_text("this is no picture")
    first = segment([white, broken], tmp_path / "out", make=make_raising)
    assert first.windows_failed
    assert first.scenes_failed == 1
    result = relabel(tmp_path / "out", tmp_path / "other")
    assert result.windows_failed == first.windows_failed
    assert result.scenes_failed == 1
    rows = table(tmp_path / "other", "failures.parquet")
    assert {row["error"] for row in rows} == {"ProposalsMissing"}
    assert all(f"`mrovseg segment -o {tmp_path / 'out'}`" in row["message"] for row in rows)
    (whole,) = (row for row in rows if row["row_off"] is None)
    assert "it failed there" in whole["message"]
    assert "is a text file" in whole["message"]
    assert all("cannot bear white" in row["message"] for row in rows if row["row_off"] is not None)
    assert check(tmp_path / "other").findings == []
    paint(broken, height=100, width=100, seed=5)
    assert not segment([white, broken], tmp_path / "out").failures
    after = relabel(tmp_path / "out", tmp_path / "other")
    assert (after.windows_skipped, after.failures) == (result.windows_done, ())
    segment_by_others([white, broken], tmp_path / "run")
    assert digests(tmp_path / "other") == digests(tmp_path / "run")


def test_an_area_is_labelled_as_the_whole_scene_and_all_else_is_no_data(made: Made, tmp_path: Path) -> None:
    scene, inside = made.scenes[0], Window(300, 40, 150, 90)
    whole, area = Window(0, 0, *SCENES_PX[0]), box(scene, inside)
    chosen = frozenset([scene_of(str(scene)).scene_id])
    result = relabel(made.source, tmp_path / "other", aoi=area, chosen=chosen)
    assert (result.windows_done, result.failures) == (1, ())
    expected = np.full(whole.shape, 255, np.uint8)
    expected[inside.slices_in(whole)] = class_ids(made.by_others, scene, inside)
    np.testing.assert_array_equal(class_ids(tmp_path / "other", scene, whole), expected)
    assert check(tmp_path / "other", aoi=area).findings == []


def test_an_area_may_reach_beyond_that_of_the_output_it_comes_from(tmp_path: Path) -> None:
    scene, whole = paint(tmp_path / "a.tif", height=600, width=600), Window(0, 0, 600, 600)
    of_source, asked = Window(20, 20, 200, 200), Window(120, 120, 300, 300)
    segment([scene], tmp_path / "out", reading=Reading(aoi=box(scene, of_source)))
    area = box(scene, asked)
    result = relabel(tmp_path / "out", tmp_path / "other", aoi=area, source_aoi=box(scene, of_source))
    assert (result.windows_done, result.failures) == (4, ())
    found = class_ids(tmp_path / "other", scene, whole) != 255
    both = of_source.intersection(asked)
    assert both is not None
    assert found[both.slices_in(whole)].all()
    assert found.sum() == both.height * both.width
    assert check(tmp_path / "other", aoi=area).findings == []


def test_damage_there_fails_its_windows_and_a_store_that_is_gone_its_scene(
    made: Made, tmp_path: Path
) -> None:
    """In four of a scene's windows an array has one wrong bit, or what belongs to another; of six, two are whole."""
    source = Path(shutil.copytree(made.source, tmp_path / "out"))
    damaged, gone = (Output(str(source)).scene(scene_of(str(each)).scene_id) for each in made.scenes)

    def chunk(array: str, row_off: int, col_off: int) -> Path:
        row, col = row_off // CHUNK_PX, col_off // CHUNK_PX
        found = Path(damaged.masks.uri, array, "c", str(row), str(col))
        return found if found.is_file() else min(file for file in found.rglob("*") if file.is_file())

    flipped = {
        (0, WINDOW_PX): "proposals/index",
        (WINDOW_PX, 0): "proposals/embeddings",
        (WINDOW_PX, 2 * WINDOW_PX): "proposals/features",
    }
    for (row_off, col_off), array in flipped.items():
        data = bytearray(chunk(array, row_off, col_off).read_bytes())
        data[len(data) // 2] ^= 1
        chunk(array, row_off, col_off).write_bytes(bytes(data))
    shutil.copy(chunk("0/class", WINDOW_PX, WINDOW_PX), chunk("0/class", 0, 0))
    shutil.rmtree(gone.masks.uri)
    result = relabel(source, tmp_path / "other")
    assert (result.windows_done, result.windows_failed) == (2, 4 + 2)
    failed = {
        (each.row_off, each.col_off): each for each in result.failures if each.scene_id == damaged.scene_id
    }
    assert failed.keys() == {(0, 0), *flipped}
    assert {each.stage for each in result.failures} == {"label"}
    # Where a bit is wrong the codec may find it first.
    assert failed[0, 0].error == "StoreError"
    assert "mrovseg verify --forget" in failed[0, 0].message
    without_store = [each for each in result.failures if each.scene_id == gone.scene_id]
    assert len(without_store) == 2
    assert all("masks.zarr" in each.message for each in without_store)


def test_a_scene_that_was_done_anew_there_is_refused_and_with_keep_valid_done_anew(tmp_path: Path) -> None:
    scenes = [paint(tmp_path / f"{name}.tif", height=100, width=100) for name in "ab"]
    segment(scenes, tmp_path / "out")
    relabel(tmp_path / "out", tmp_path / "other")
    paint(scenes[0], height=120, width=100, seed=9)
    assert not segment(scenes, tmp_path / "out", settings=settings_of(keep_valid=True)).failures
    result = relabel(tmp_path / "out", tmp_path / "other")
    assert (result.windows_skipped, result.scenes_failed) == (1, 1)
    assert "--keep-valid" in result.failures[0].message
    again = relabel(tmp_path / "out", tmp_path / "other", settings=settings_of(keep_valid=True))
    assert (again.windows_done, again.windows_skipped, again.failures) == (1, 1, ())
    segment_by_others(scenes, tmp_path / "run")
    assert digests(tmp_path / "other") == digests(tmp_path / "run")
