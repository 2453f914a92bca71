import tempfile
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.export.polygons.regions import regions_of
from pipeline.segment import SCORE_MAX
from tests.pipeline.export.polygons.maps import (
    NO_DATA,
    ClassMapInMemory,
    by_rasterio,
    check_same,
    normalized,
    polygon,
    polygons,
)

ids_of_all_kinds = st.sampled_from([(0, 1), (0, 1, 2, NO_DATA), (1, NO_DATA), (0, 1, 2, 3, 4)]).flatmap(
    lambda ids: arrays(
        np.uint8, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.sampled_from(ids)
    )
)
coarse_ids = ids_of_all_kinds.map(lambda ids: np.kron(ids, np.ones((3, 2), np.uint8)))
maps = (ids_of_all_kinds | coarse_ids).filter(lambda ids: bool((ids != NO_DATA).any()))


@settings(max_examples=25)
@given(ids=maps, side_px=st.integers(2, 40))
def test_regions_are_those_of_the_whole_scene_whatever_the_squares(ids: np.ndarray, side_px: int) -> None:
    with regions_of(ClassMapInMemory(ids), side_px=side_px) as regions:
        found = list(regions)

    drawn = polygons(found)
    assert normalized(zip((region.class_id for region in found), drawn, strict=True)) == normalized(
        by_rasterio(ids)
    )
    assert all(each.is_valid for each in drawn)
    assert [region.pixels for region in found] == [each.area for each in drawn]


@settings(max_examples=25)
@given(ids=maps, side_px=st.integers(2, 40))
def test_order_vertices_and_scores_do_not_depend_on_squares(ids: np.ndarray, side_px: int) -> None:
    scene = ClassMapInMemory(ids)
    with regions_of(scene, side_px=side_px) as cut, regions_of(scene, side_px=100) as whole:
        for one, other in zip(cut, whole, strict=True):
            check_same(one, other)


@settings(max_examples=25)
@given(ids=maps, side_px=st.integers(2, 40), tolerance_px=st.sampled_from([0.8, 1.5, 4.0, 100.0]))
def test_simplified_neighbours_leave_no_gap_and_do_not_overlap(
    ids: np.ndarray, side_px: int, tolerance_px: float
) -> None:
    scene = ClassMapInMemory(ids)
    with regions_of(scene, side_px=side_px, tolerance_px=tolerance_px) as regions:
        drawn = np.array(polygons(regions))
    with regions_of(scene, side_px=side_px) as regions:
        assert len(drawn) == len(regions)

    valid_px = np.count_nonzero(ids != NO_DATA)
    assert shapely.is_valid(drawn).all()
    assert shapely.coverage_is_valid(drawn)
    assert shapely.area(drawn).sum() == pytest.approx(valid_px, abs=1e-9)
    whole = shapely.union_all(drawn)
    assert whole.area == pytest.approx(valid_px, abs=1e-9)
    data = shapely.union_all([each for _, each in by_rasterio(np.where(ids == NO_DATA, ids, 0))])
    assert whole.symmetric_difference(data).area == pytest.approx(0, abs=1e-9)


def test_staircases_become_lines() -> None:
    ids = np.tri(200, dtype=np.uint8)
    with regions_of(ClassMapInMemory(ids)) as regions:
        before = sum(len(region.rings.vertices) for region in regions)
    with regions_of(ClassMapInMemory(ids), tolerance_px=2.0) as regions:
        after = sum(len(region.rings.vertices) for region in regions)

    assert (before, after < 20) == (802, True)


def test_a_loop_that_touches_itself_is_a_shell_and_a_hole() -> None:
    ids = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], np.uint8)

    with regions_of(ClassMapInMemory(ids), side_px=2) as regions:
        found = list(regions)

    assert [region.class_id for region in found] == [0, 0, 1]
    loop = polygon(found[2].rings)
    assert loop.is_valid
    assert (len(loop.interiors), loop.area) == (1, 7)


def test_scores_are_means_of_pixels_and_regions_come_by_class_and_first_pixel() -> None:
    ids = np.array([[2, 0, 2], [2, 0, 1], [NO_DATA, 0, 1]], np.uint8)

    with regions_of(ClassMapInMemory(ids), side_px=2) as regions:
        found = [(each.class_id, each.pixels, each.mean_score * SCORE_MAX) for each in regions]

    assert found == [(0, 3, pytest.approx(2)), (1, 2, 3.5), (2, 2, 0.5), (2, 1, 2)]


def test_a_scene_without_data_has_no_region() -> None:
    with regions_of(ClassMapInMemory(np.full((3, 3), NO_DATA, np.uint8))) as regions:
        assert list(regions) == []


def test_nothing_is_left_of_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with regions_of(ClassMapInMemory(np.zeros((3, 3), np.uint8))) as regions:
        assert len(list(tmp_path.iterdir())) == 1
        assert len(regions) == 1
    assert list(tmp_path.iterdir()) == []
