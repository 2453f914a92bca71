"""What has become of what, between scenes that were drawn with known edits."""

from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow.parquet as pq
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import export
from pipeline.errors import ConfigError, RasterError
from pipeline.export import Exported, ExportScene, Selection, open_scene
from pipeline.export.change import ChangeExporter, pair_scenes
from pipeline.export.change.regrid import places, points_along, read_on_grid
from pipeline.export.change.transitions import Transitions
from pipeline.geometry.areas import pixel_areas_m2
from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window
from pipeline.output import Output
from pipeline.storage.location import Location
from tests.pipeline.made_outputs import header_of, make_scene, output_at

BEFORE, AFTER = ("water", "road"), ("road", "wood", "water")
SELECTION = Selection(window_px=64)
SHAPE = (130, 100)


def shifted(header: Header, *, rows: float, cols: float, shape: tuple[int, int], step: float = 1.0) -> Header:
    """A grid that begins ``rows`` and ``cols`` pixels behind another, of pixels ``step`` times as wide."""
    a, b, c, d, e, f = header.transform
    transform = (a * step, b * step, c + a * cols, d * step, e * step, f + e * rows)
    return Header(
        **{
            **{name: getattr(header, name) for name in ("bands", "dtype", "crs_wkt", "nodata")},
            "height": shape[0],
            "width": shape[1],
            "transform": transform,
        }
    )


def earlier_ids() -> np.ndarray:
    ids = np.ones(SHAPE, np.uint8)
    ids[:, 50:] = 2
    ids[100:, :10] = 255
    return ids


def opened(output: Output, scene_id: str, **choice: Any) -> ExportScene:  # noqa: ANN401
    return open_scene(output.scene(scene_id), Selection(window_px=64, **choice))


@pytest.fixture
def edited(tmp_path: Path) -> tuple[Output, Output, np.ndarray]:
    """Two outputs of other words, and class ids of the later on the grid of the earlier, 20 pixels off."""
    before, after = output_at(tmp_path / "before"), output_at(tmp_path / "after")
    ids = earlier_ids()
    header = header_of(ids)
    make_scene(
        before.scene("a"), ids, names=BEFORE, header=header, origin={"uri": "a.tif", "datetime": "2024"}
    )
    now = np.array([0, 3, 1, *[255] * 253], np.uint8)[ids]  # the same by the later output's ids
    now[20:40, 20:30] = 2  # 200 px of water have become wood
    now[70:75, 60:70] = 3  # 50 px of road water
    now[0:3, 0:5] = 0  # 15 px of water something else
    now[100:110, 40:45] = 255  # nobody knows
    seen = np.full((150, 140), 2, np.uint8)
    seen[20:, 40:] = now
    make_scene(
        after.scene("b"),
        seen,
        names=AFTER,
        header=shifted(header, rows=-20, cols=-40, shape=seen.shape),
        window_px=32,
        origin={"uri": "b.tif", "datetime": "2026"},
    )
    return before, after, now


def change(before: Output, after: Output, folder: Path, *ids: str, **choice: Any) -> Exported:  # noqa: ANN401
    scenes = tuple(
        (each, open_scene(after.scene(each), Selection(window_px=32)).source_digest) for each in ids
    )
    exporter = ChangeExporter(after=after.uri, window_px=32, scenes=scenes, **choice)
    selection = Selection(window_px=64, **choice)
    made = export.export_scene(
        "a", output=before, selection=selection, exporter=exporter, folder=Location(str(folder))
    )
    assert isinstance(made, Exported), made
    export.finish(exporter, [made], Location(str(folder)))
    return made


def test_known_edits_are_found_exactly(tmp_path: Path, edited: tuple[Output, Output, np.ndarray]) -> None:
    before, after, _ = edited
    change(before, after, tmp_path / "made", "b")
    rows = pq.read_table(tmp_path / "made" / "transitions.parquet").to_pylist()

    found = {(row["from_class"], row["to_class"]): row for row in rows}
    pixels = {key: row["pixels"] for key, row in found.items()}
    assert pixels == {
        ("water", "other"): 15,
        ("water", "wood"): 200,
        ("water", "water"): 130 * 50 - 300 - 15 - 200 - 50,
        ("road", "water"): 50,
        ("road", "road"): 130 * 50 - 50,
    }
    areas = pixel_areas_m2(header_of(earlier_ids()), Window(20, 20, 20, 10))
    assert areas is not None
    assert found["water", "wood"]["area_m2"] == pytest.approx(areas.sum(), rel=1e-12)
    row = found["water", "wood"]
    assert (row["before_scene_id"], row["after_scene_id"]) == ("a", "b")
    assert (row["before_datetime"], row["after_datetime"]) == ("2024", "2026")
    assert (row["common_pixels"], row["before_windows_missing"]) == (130 * 100 - 350, 0)
    assert sum(each["share"] for each in rows) == pytest.approx(1)


def test_the_store_of_a_pair_has_a_class_for_each_transition(
    tmp_path: Path, edited: tuple[Output, Output, np.ndarray]
) -> None:
    before, after, now = edited
    change(before, after, tmp_path / "made", "b")
    scene = open_scene(output_at(tmp_path / "made" / "change").scene("a--b"), SELECTION)

    ids = scene.read_classes(Window(0, 0, *SHAPE))
    names = np.array([*scene.classes, *[""] * (256 - len(scene.classes))])[ids]
    assert set(names[20:40, 20:30].ravel()) == {"water to wood"}
    assert set(names[70:75, 60:70].ravel()) == {"road to water"}
    assert names[50, 20] == "still water"
    assert (ids == scene.nodata).sum() == 350
    np.testing.assert_array_equal(ids == scene.nodata, (earlier_ids() == 255) | (now == 255))
    colors = dict(zip(scene.classes, scene.colors, strict=True))
    assert colors["still water"] == colors["still road"] == colors["other"]
    assert colors["road to water"] == opened(after, "b").colors[3]
    earlier, later = (
        opened(before, "a").read_scores(Window(0, 0, *SHAPE)),
        opened(after, "b").read_scores(Window(20, 40, *SHAPE)),
    )
    expected = np.where(ids == scene.nodata, 255, np.minimum(earlier, later))
    np.testing.assert_array_equal(scene.read_scores(Window(0, 0, *SHAPE)), expected)


def test_polygons_are_of_what_has_changed(tmp_path: Path, edited: tuple[Output, Output, np.ndarray]) -> None:
    before, after, _ = edited
    change(before, after, tmp_path / "made", "b")
    found = geopandas.read_parquet(tmp_path / "made" / "polygons" / "a--b.parquet")
    assert sorted(zip(found.class_name, found.geometry.area, strict=True)) == [
        ("road to water", 5000),
        ("water to other", 1500),
        ("water to wood", 20000),
    ]
    x, y = header_of(earlier_ids()).transform[2::3]
    wood = found.geometry[found.class_name == "water to wood"].iloc[0]
    assert wood.bounds == (x + 200, y - 400, x + 300, y - 200)


def test_what_is_missing_is_no_change(tmp_path: Path) -> None:
    before, after = output_at(tmp_path / "before"), output_at(tmp_path / "after")
    ids = earlier_ids()
    make_scene(before.scene("a"), ids, names=BEFORE, done={(0, 0), (64, 0), (128, 0)})
    make_scene(
        after.scene("a"), ids, names=BEFORE, window_px=32, done={(row, 0) for row in range(0, 130, 32)}
    )
    made = change(before, after, tmp_path / "made", "a")
    (pair,) = made.facts["pairs"]
    assert (made.windows_missing, pair["after_windows_missing"]) == (3, 5 * 3)
    assert pair["common_pixels"] == 130 * 32 - 300
    assert [(row["from_class"], row["to_class"]) for row in pair["transitions"]] == [("water", "water")]


def test_killed_and_restarted_it_ends_with_the_same_bytes(
    tmp_path: Path, edited: tuple[Output, Output, np.ndarray]
) -> None:
    before, after, _ = edited

    def bytes_of(folder: Path) -> dict[str, bytes]:
        files = (each for each in folder.rglob("*") if each.is_file())
        return {str(each.relative_to(folder)): each.read_bytes() for each in files}

    whole = change(before, after, tmp_path / "whole", "b")
    change(before, after, tmp_path / "cut", "b")
    assert bytes_of(tmp_path / "cut") == bytes_of(tmp_path / "whole")

    (tmp_path / "cut" / "records" / "change" / "a.json").unlink()  # as if killed within the scene
    (
        tmp_path / "cut" / "change" / "scenes" / "a--b" / "masks.zarr" / "0" / "class" / "c" / "1" / "1"
    ).unlink()
    (tmp_path / "cut" / "change" / "ledger" / "a--b" / "64-64.json").unlink()
    assert change(before, after, tmp_path / "cut", "b") == whole
    assert bytes_of(tmp_path / "cut") == bytes_of(tmp_path / "whole")


def test_chosen_classes_change_and_all_others_are_other(
    tmp_path: Path, edited: tuple[Output, Output, np.ndarray]
) -> None:
    before, after, _ = edited
    made = change(before, after, tmp_path / "made", "b", classes=("water",))
    (pair,) = made.facts["pairs"]
    pixels = {(row["from_class"], row["to_class"]): row["pixels"] for row in pair["transitions"]}
    assert pixels == {
        ("other", "other"): 6450,
        ("other", "water"): 50,
        ("water", "other"): 215,
        ("water", "water"): 5935,
    }


@settings(max_examples=25)
@given(st.integers(-40, 40), st.integers(-40, 40), st.floats(-0.004, 0.004))
def test_grids_a_whole_number_of_pixels_apart_are_taken_as_they_are(rows: int, cols: int, off: float) -> None:
    header = header_of(np.zeros((50, 60), np.uint8))
    other = shifted(header, rows=rows + off, cols=cols - off, shape=(40, 30))
    assert points_along(header, other) == 1
    found_rows, found_cols = places(header, other, Window(0, 0, 50, 60), n=1)
    expected_rows, expected_cols = np.arange(50)[:, None] - rows, np.arange(60)[None] - cols
    inside = (expected_rows >= 0) & (expected_rows < 40) & (expected_cols >= 0) & (expected_cols < 30)
    seen = (found_rows >= 0) & (found_cols >= 0)
    np.testing.assert_array_equal(seen, inside)
    np.testing.assert_array_equal(found_rows[inside], np.broadcast_to(expected_rows, inside.shape)[inside])
    np.testing.assert_array_equal(found_cols[inside], np.broadcast_to(expected_cols, inside.shape)[inside])


@pytest.mark.parametrize("step", [2, 3])
def test_coarser_pixels_have_the_class_that_most_of_them_is(tmp_path: Path, step: int) -> None:
    rng = np.random.default_rng(3)
    fine = rng.choice(np.array([0, 1, 2, 255], np.uint8), (90, 120), p=[0.1, 0.3, 0.2, 0.4])
    output = output_at(tmp_path / "out")
    make_scene(output.scene("a"), fine, names=BEFORE)
    coarse = shifted(header_of(fine), rows=0, cols=0, shape=(90 // step, 120 // step), step=step)
    found = read_on_grid(opened(output, "a"), coarse, Window(2, 3, 25, 30))["class"]

    for row, col in np.ndindex(25, 30):
        part = fine[step * (row + 2) : step * (row + 3), step * (col + 3) : step * (col + 4)].ravel()
        valid = part[part != 255]
        expected = np.bincount(valid).argmax() if len(valid) * 2 >= len(part) else 255
        assert found[row, col] == expected


def test_finer_pixels_have_the_class_that_they_lie_in(tmp_path: Path) -> None:
    coarse = np.random.default_rng(4).choice(np.array([0, 1, 2, 255], np.uint8), (30, 40))
    output = output_at(tmp_path / "out")
    make_scene(output.scene("a"), coarse, names=BEFORE)
    fine = shifted(header_of(coarse), rows=0, cols=0, shape=(90, 120), step=1 / 3)
    found = read_on_grid(opened(output, "a"), fine, Window(0, 0, 90, 120))["class"]
    np.testing.assert_array_equal(found, coarse.repeat(3, 0).repeat(3, 1))


def test_another_crs_is_looked_up_point_by_point(tmp_path: Path) -> None:
    ids = np.random.default_rng(5).choice(np.array([0, 1, 2], np.uint8), (80, 80))
    output = output_at(tmp_path / "out")
    make_scene(output.scene("a"), ids, names=BEFORE)
    own = header_of(ids)
    to_degrees = pyproj.Transformer.from_crs(own.crs_wkt, 4326, always_xy=True).transform
    left, top = to_degrees(own.transform[2], own.transform[5])
    degrees = header_of(np.zeros((70, 70)), crs="EPSG:4326", transform=(1.2e-4, 0.0, left, 0.0, -9e-5, top))
    found = read_on_grid(opened(output, "a"), degrees, Window(0, 0, 70, 70))["class"]
    for row, col in np.ndindex(70, 70):
        x, y = to_degrees(left + 1.2e-4 * (col + 0.5), top - 9e-5 * (row + 0.5), direction="INVERSE")
        at = int((own.transform[5] - y) // 10), int((x - own.transform[2]) // 10)
        inside = 0 <= at[0] < 80 and 0 <= at[1] < 80
        assert found[row, col] == (ids[at] if inside else 255)


def test_scenes_are_paired_by_id_or_by_place() -> None:
    ids = np.zeros((100, 100), np.uint8)
    here = header_of(ids)
    beside = shifted(here, rows=0, cols=100, shape=(100, 100))
    across = shifted(here, rows=50, cols=50, shape=(100, 100))
    wkt = pyproj.CRS.from_epsg(3857).to_wkt()
    x, y = pyproj.Transformer.from_crs(here.crs_wkt, wkt, always_xy=True).transform(5e5 + 500, 5e6 - 500)
    mercator = header_of(ids, crs="EPSG:3857", transform=(1.0, 0.0, x, 0.0, -1.0, y))
    bare = header_of(ids, crs=None)
    after = [("a", bare), ("beside", beside), ("across", across), ("mercator", mercator), ("bare", bare)]
    assert pair_scenes([("a", here), ("b", here), ("c", bare), ("d", beside)], after) == {
        "a": ("a",),
        "b": ("across", "mercator"),
        "c": (),
        "d": ("across", "beside"),
    }


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    output = output_at(tmp_path / "out")
    ids = np.zeros((10, 10), np.uint8)
    make_scene(output.scene("a"), ids, names=BEFORE)
    with pytest.raises(RasterError, match="states no CRS"):
        read_on_grid(opened(output, "a"), header_of(ids, crs=None), Window(0, 0, 10, 10))
    many = tuple(range(300))
    names = tuple(map(str, many))
    with pytest.raises(ConfigError, match="300 classes before and 300 after"):
        Transitions(many, many, names, names, names)
