import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.geometry.chips import ChipGrid, ChipLayout, chips_of, count_chips, cover, ramp
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.window import Window


def layout_of(stride_px: int, core: int, halo: int) -> ChipLayout:
    return ChipLayout(core_px=core * stride_px, halo_px=halo * stride_px, stride_px=stride_px)


layouts = st.builds(layout_of, st.integers(1, 3), st.integers(1, 12), st.integers(0, 14))
scenes = st.tuples(st.integers(1, 60), st.integers(1, 60))


def scene_pixels(rectangle: Window) -> np.ndarray:
    """An endless scene: three bands that are a function of row and column alone."""
    rows = np.arange(rectangle.row_off, rectangle.row_end)[:, None]
    cols = np.arange(rectangle.col_off, rectangle.col_end)
    bands = (rows * 7 + cols * 31, rows * 3 - cols * 5, rows * cols)
    return np.stack(np.broadcast_arrays(*bands), axis=-1).astype(np.uint8)


def whole(scene_px: tuple[int, int]) -> Window:
    return Window(0, 0, *scene_px)


def chips_by_place(grid: ChipGrid) -> dict[Window, np.ndarray]:
    cut = grid.cut(scene_pixels(grid.area))
    assert cut.shape[:2] == (len(grid.rows), len(grid.cols))
    assert len(grid) == len(grid.rows) * len(grid.cols)
    return dict(zip(grid.chips(), cut.reshape(-1, *cut.shape[2:]), strict=True))


@given(scenes, layouts)
def test_a_scene_has_the_chips_whose_cores_meet_it(scene_px: tuple[int, int], layout: ChipLayout) -> None:
    found = [*chips_of(whole(scene_px), layout, scene_px=scene_px).chips()]
    cores = [chip.expand(-layout.halo_px) for chip in found]
    assert all(core.intersection(whole(scene_px)) for core in cores)
    assert all(core.row_off % layout.core_px == core.col_off % layout.core_px == 0 for core in cores)
    covered = np.zeros(scene_px, int)
    for core in cores:
        covered[core.intersection(whole(scene_px)).slices_in(whole(scene_px))] += 1  # type: ignore[union-attr]
    assert (covered == 1).all()


@settings(max_examples=40)
@given(scenes, layouts, st.integers(12, 50))
def test_windows_ask_for_the_same_pixels_of_all_chips_that_cover_them(
    scene_px: tuple[int, int], layout: ChipLayout, window_px: int
) -> None:
    every = chips_by_place(chips_of(whole(scene_px), layout, scene_px=scene_px))
    for window in plan_windows(*scene_px, window_px=window_px):
        found = chips_by_place(chips_of(window, layout, scene_px=scene_px))
        assert count_chips(window, layout, scene_px=scene_px) == len(found)
        ring = window.expand(layout.cell_px).intersection(whole(scene_px))
        assert ring is not None
        assert [*found] == [chip for chip in every if chip.intersection(ring)]
        assert all(np.array_equal(pixels, every[chip]) for chip, pixels in found.items())


@given(scenes, layouts)
def test_a_chip_is_the_scene_around_its_core(scene_px: tuple[int, int], layout: ChipLayout) -> None:
    for chip, pixels in chips_by_place(chips_of(whole(scene_px), layout, scene_px=scene_px)).items():
        assert chip.shape == (layout.side_px, layout.side_px)
        assert np.array_equal(pixels, scene_pixels(chip))


def test_chips_are_cut_without_a_copy() -> None:
    layout, window = ChipLayout(core_px=8, halo_px=4, stride_px=2), Window(0, 0, 64, 64)
    pixels = scene_pixels(cover(window, layout, scene_px=window.shape))
    assert np.shares_memory(chips_of(window, layout, scene_px=window.shape).cut(pixels), pixels)


def test_an_array_of_another_rectangle_is_refused() -> None:
    grid = chips_of(Window(0, 0, 8, 8), ChipLayout(core_px=4, halo_px=1, stride_px=1), scene_px=(8, 8))
    with pytest.raises(ValueError, match=r"row_off=-1.*\(8, 8, 3\)"):
        grid.cut(np.zeros((8, 8, 3), np.uint8))


@pytest.mark.parametrize(
    ("core_px", "halo_px", "stride_px", "said"),
    [
        (0, 1, 1, "core_px=0"),
        (4, -4, 4, "halo_px=-4"),
        (4, 4, 0, "stride_px=0"),
        (6, 4, 4, "multiples of stride_px"),
        (8, 2, 4, "multiples of stride_px"),
    ],
)
def test_a_layout_that_cannot_be_is_refused(core_px: int, halo_px: int, stride_px: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ChipLayout(core_px=core_px, halo_px=halo_px, stride_px=stride_px)


@given(st.integers(1, 200))
def test_a_ramp_rises_evenly_to_the_middle_and_is_the_same_on_both_sides(points: int) -> None:
    found = ramp(points)
    assert found.dtype == np.float32
    assert (found > 0).all()
    assert found == pytest.approx(found[::-1], abs=1e-6)
    assert found[: (points + 1) // 2] == pytest.approx((np.arange((points + 1) // 2) + 0.5) / points)


@given(st.integers(1, 40))
def test_ramps_of_chips_half_a_chip_apart_add_up(half: int) -> None:
    found = ramp(2 * half)
    assert found[:half] + found[half:] == pytest.approx(np.full(half, 0.5))
