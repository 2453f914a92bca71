import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline import export
from pipeline.errors import PipelineError
from pipeline.export import Exported, Selection
from pipeline.export.polygons import Polygons
from pipeline.export.polygons.merged.grouping import Placed, find_groups
from pipeline.export.polygons.merged.mosaic import Mosaic, Part
from pipeline.export.polygons.regions import regions_of
from pipeline.geometry.scene import Header
from pipeline.geometry.transform import Transform, to_crs
from pipeline.geometry.window import Window
from pipeline.output import Output
from pipeline.storage.location import Location
from tests.pipeline.export.polygons.maps import NO_DATA, ClassMapInMemory, check_same
from tests.pipeline.export.polygons.test_exporter import NAMES, blobs
from tests.pipeline.made_outputs import UTM, header_of, make_scene, output_at

WHOLE_MAP = blobs()
CUTS = (np.s_[:70, :50], np.s_[:70, 50:], np.s_[70:, :50], np.s_[70:, 50:])


@dataclass(frozen=True)
class CutOut:
    """A part of a class map, which has a score where it has a class."""

    whole: ClassMapInMemory
    row: int
    col: int
    ids: np.ndarray
    nodata: int = NO_DATA

    @property
    def header(self) -> Header:
        return ClassMapInMemory(self.ids).header

    def read_classes(self, window: Window) -> np.ndarray:
        return ClassMapInMemory(self.ids).read_classes(window)

    def read_scores(self, window: Window) -> np.ndarray:
        there = Window(window.row_off + self.row, window.col_off + self.col, *window.shape)
        return np.where(self.read_classes(window) == NO_DATA, 255, self.whole.read_scores(there))


def mosaic_of(whole: ClassMapInMemory, parts: list[tuple[Window, np.ndarray]]) -> Mosaic:
    return Mosaic(
        scene_id="a",
        classes=("other",),
        colors=("#000000",),
        chosen=(0,),
        nodata=NO_DATA,
        header=whole.header,
        parts=tuple(Part(CutOut(whole, place.row_off, place.col_off, ids), place) for place, ids in parts),
    )


@st.composite
def overlapping_parts(
    draw: st.DrawFn,
) -> tuple[ClassMapInMemory, list[tuple[Window, np.ndarray]], np.ndarray]:
    """Parts anywhere in an extent, the map that they make, and the number of the part on top of each pixel."""
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    whole, on_top = np.full((height, width), NO_DATA, np.uint8), np.full((height, width), -1)
    parts = []
    for number in range(draw(st.integers(1, 4))):
        row, col = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
        place = Window(row, col, draw(st.integers(1, height - row)), draw(st.integers(1, width - col)))
        ids = draw(arrays(np.uint8, place.shape, elements=st.sampled_from([0, 1, NO_DATA])))
        cut = place.slices_in(Window(0, 0, height, width))
        whole[cut] = np.where(ids == NO_DATA, whole[cut], ids)
        on_top[cut] = np.where(ids == NO_DATA, on_top[cut], number)
        parts.append((place, ids))
    return ClassMapInMemory(whole), parts, on_top


@settings(max_examples=25)
@given(drawn=overlapping_parts(), side_px=st.integers(2, 15))
def test_parts_have_the_regions_of_the_map_that_they_make(
    drawn: tuple[ClassMapInMemory, list[tuple[Window, np.ndarray]], np.ndarray], side_px: int
) -> None:
    whole, parts, on_top = drawn
    mosaic = mosaic_of(whole, parts)
    with regions_of(whole, side_px=side_px) as expected, regions_of(mosaic, side_px=side_px) as found:
        for one, other in zip(found, expected, strict=True):
            check_same(one, other)
            assert whole.ids.flat[one.first] == one.class_id
            assert mosaic.part_at(one.first) == on_top.flat[one.first]


def placed(scene_id: str, row: float, col: float, *, grid: Transform = UTM) -> Placed:
    a, b, _, d, e, _ = grid
    x, y = to_crs(grid, rows=row, cols=col)
    return Placed(
        scene_id=scene_id,
        output="out",
        classes=("other",),
        colors=("#000000",),
        dtype="uint8",
        crs_wkt="some",
        transform=(a, b, x, d, e, y),
        height=10,
        width=10,
    )


@pytest.mark.parametrize("grid", [UTM, (8.0, 3.0, 5e5, 3.0, -8.0, 5e6), (1e-5, 0.0, 11.1, 0.0, -1e-5, 47.3)])
def test_groups_are_of_scenes_that_share_a_grid_and_a_side(grid: Transform) -> None:
    row = [placed(name, 3.0, 10.0 * col, grid=grid) for name, col in (("d", 0), ("b", 1), ("c", 2), ("x", 4))]
    below = placed("a", 13.0, 5.0, grid=grid)
    at_a_corner = placed("e", 13.0, 30.0, grid=grid)

    (group,) = find_groups([*row, below, at_a_corner])

    assert [scene.scene_id for scene in group.scenes] == ["a", "b", "c", "d"]
    assert [(each.row_off, each.col_off) for each in group.windows] == [(10, 5), (0, 10), (0, 20), (0, 0)]


@pytest.mark.parametrize(
    "other",
    [
        placed("b", 0.0, 9.5),
        placed("b", 0.002, 10.0),
        placed("b", 0.0, 11.0),
        replace(placed("b", 0.0, 10.0), crs_wkt="another"),
        replace(placed("b", 0.0, 10.0), classes=("other", "water")),
        replace(placed("b", 0.0, 10.0), colors=("#ffffff",)),
        replace(placed("b", 0.0, 10.0), transform=(10.0001, 0.0, 500100.0, 0.0, -10.0, 5e6)),
    ],
)
def test_scenes_of_another_grid_or_of_other_classes_are_in_no_group(other: Placed) -> None:
    assert find_groups([placed("a", 0.0, 0.0), other]) == []
    assert len(find_groups([placed("a", 0.0, 0.0), placed("b", 0.0, 10.0)])) == 1


def test_scenes_without_a_place_are_in_no_group() -> None:
    assert find_groups([replace(placed(name, 0.0, 0.0), crs_wkt=None) for name in "ab"]) == []


def test_many_scenes_are_one_group() -> None:
    scenes = [placed(f"{row:03}-{col:03}", row * 10.0, col * 10.0) for row in range(200) for col in range(2)]

    (group,) = find_groups(scenes)

    assert group.scenes == tuple(scenes)


def cut_output(folder: Path, ids: np.ndarray, cuts: dict[str, tuple[slice, slice]]) -> Output:
    output = output_at(folder)
    for scene_id, (rows, cols) in cuts.items():
        x, y = to_crs(UTM, rows=rows.start or 0, cols=cols.start or 0)
        a, b, _, d, e, _ = UTM
        header = header_of(ids[rows, cols], transform=(a, b, float(x), d, e, float(y)))
        make_scene(output.scene(scene_id), ids[rows, cols], names=NAMES, header=header)
    return output


def export_all(output: Output, folder: Path, exporter: Polygons, scene_ids: str) -> tuple[str, ...]:
    found = []
    for scene_id in scene_ids:
        made = export.export_scene(
            scene_id,
            output=output,
            selection=Selection(window_px=64),
            exporter=exporter,
            folder=Location(str(folder)),
        )
        assert isinstance(made, Exported), made
        found.append(made)
    return export.finish(exporter, found, Location(str(folder)))


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Output:
    """The whole map as four scenes."""
    return cut_output(tmp_path_factory.mktemp("cut") / "out", WHOLE_MAP, dict(zip("abcd", CUTS, strict=True)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Output:
    return cut_output(tmp_path_factory.mktemp("whole") / "out", WHOLE_MAP, {"w": np.s_[:, :]})


@pytest.mark.parametrize(
    "options",
    [{}, {"simplify_m": 25.0}, {"min_area_m2": 3000.0}, {"simplify_m": 25.0, "file_format": "gpkg"}],
)
def test_merged_polygons_are_those_of_one_scene(
    cut: Output, whole: Output, tmp_path: Path, options: dict[str, object]
) -> None:
    exporter = Polygons(merge_scenes=True, **options)  # type: ignore[arg-type]
    suffix = exporter.file_format

    assert export_all(whole, tmp_path / "whole", exporter, "w") == ()
    assert export_all(cut, tmp_path / "cut", exporter, "abcd") == (f"merged/a.{suffix}",)

    read = gpd.read_parquet if suffix == "parquet" else gpd.read_file
    expected, found = (
        read(tmp_path / "whole" / f"w.{suffix}"),
        read(tmp_path / "cut" / "merged" / f"a.{suffix}"),
    )
    assert found.crs == expected.crs
    assert list(found.geometry.to_wkb()) == list(expected.geometry.to_wkb())
    for name in ("class_id", "class_name", "color", "pixels"):
        assert list(found[name]) == list(expected[name])
    np.testing.assert_allclose(found.area_m2, expected.area_m2, rtol=1e-9)
    assert set(found.scene_id) == {*"abcd"}
    of_scenes = [read(tmp_path / "cut" / f"{each}.{suffix}") for each in "abcd"]
    if exporter.min_area_m2:  # what is small in each of the scenes is not small in all
        assert found.pixels.sum() > sum(each.pixels.sum() for each in of_scenes)
    else:
        assert len(found) < sum(map(len, of_scenes))


def test_where_scenes_overlap_the_latest_is_on_top(tmp_path: Path) -> None:
    output = output_at(tmp_path / "out")
    dates = {"a": "2026-05-03", "b": "2026-05-01", "c": "2026-05-01T00:00:00Z", "d": None}
    for (scene_id, datetime), class_id in zip(dates.items(), (1, 2, 3, 0), strict=True):
        ids = np.full((8, 8), class_id, np.uint8)
        ids[:, 4:] = NO_DATA if scene_id == "a" else class_id
        make_scene(
            output.scene(scene_id), ids, names=NAMES, origin={"uri": "scene.tif", "datetime": datetime}
        )

    export_all(output, tmp_path / "made", Polygons(merge_scenes=True), "abcd")

    found = gpd.read_parquet(tmp_path / "made" / "merged" / "a.parquet")
    assert list(zip(found.scene_id, found.datetime, found.class_id, found.pixels, strict=True)) == [
        ("a", "2026-05-03", 1, 32),
        ("c", "2026-05-01T00:00:00Z", 3, 32),
    ]


def test_what_is_current_is_not_made_again_and_what_is_no_more_goes(cut: Output, tmp_path: Path) -> None:
    def times() -> dict[str, int]:
        return {
            str(path.relative_to(tmp_path)): path.stat().st_mtime_ns
            for folder in ("merged", "records/polygons-merged")
            for path in sorted((tmp_path / folder).glob("*"))
        }

    exporter = Polygons(merge_scenes=True)
    export_all(cut, tmp_path, exporter, "bcd")
    assert list(times()) == ["merged/b.parquet", "records/polygons-merged/b.json"]
    export_all(cut, tmp_path, exporter, "a")
    first = times()
    assert list(first) == ["merged/a.parquet", "records/polygons-merged/a.json"]

    assert export_all(cut, tmp_path, exporter, "cd") == ("merged/a.parquet",)
    assert times() == first

    export_all(cut, tmp_path, Polygons(merge_scenes=True, file_format="fgb"), "abcd")
    assert list(times()) == ["merged/a.fgb", "records/polygons-merged/a.json"]
    assert export_all(cut, tmp_path, Polygons(), "abcd") == ()
    assert times() == {}


def test_a_scene_that_has_changed_is_merged_anew(tmp_path: Path) -> None:
    ids = np.ones((70, 140), np.uint8)
    output = cut_output(tmp_path / "out", ids, {"a": np.s_[:, :70]})
    header = header_of(ids[:, 70:], transform=(10.0, 0.0, 5e5 + 700, 0.0, -10.0, 5e6))
    for done, pixels in (({(0, 0)}, 64 * 64), (None, 70 * 70)):
        make_scene(output.scene("b"), ids[:, 70:], names=NAMES, header=header, done=done)
        export_all(output, tmp_path / "made", Polygons(merge_scenes=True), "ab")
        found = gpd.read_parquet(tmp_path / "made" / "merged" / "a.parquet")
        assert list(found.pixels) == [70 * 70 + pixels]


def test_a_scene_that_lies_elsewhere_now_is_to_be_exported_again(tmp_path: Path) -> None:
    ids, cuts = np.ones((70, 140), np.uint8), {"a": np.s_[:, :70], "b": np.s_[:, 70:]}
    output = cut_output(tmp_path / "out", ids, cuts)
    exporter, folder = Polygons(merge_scenes=True), tmp_path / "made"
    export_all(output, folder, exporter, "ab")
    shutil.rmtree(tmp_path / "out")
    cut_output(tmp_path / "out", ids, {"a": np.s_[:69, :70], "b": np.s_[:, 60:]})

    with pytest.raises(PipelineError, match="b has another grid or other classes than when it was exported"):
        export_all(output, folder, exporter, "a")

    assert export_all(output, folder, exporter, "ab") == ("merged/a.parquet",)
