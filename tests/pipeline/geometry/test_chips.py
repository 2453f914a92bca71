import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.geometry.chips import ChipGrid, ChipLayout, chips_of, count_chips, cover, ramp
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.window import Window


def layout_of(stride_px: int, step: int, overlap: int) -> ChipLayout:
    return ChipLayout(side_px=(step + overlap) * stride_px, step_px=step * stride_px, stride_px=stride_px)


layouts = st.builds(layout_of, st.integers(1, 3), st.integers(1, 12), st.integers(0, 28))
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
def test_a_scene_has_the_fewest_chips_that_cover_it(scene_px: tuple[int, int], layout: ChipLayout) -> None:
    grid = chips_of(whole(scene_px), layout, scene_px=scene_px)
    found = [*grid.chips()]
    assert all(chip.row_off % layout.step_px == chip.col_off % layout.step_px == 0 for chip in found)
    covered = np.zeros(scene_px, bool)
    for chip in found:
        covered[chip.intersection(whole(scene_px)).slices_in(whole(scene_px))] = True  # type: ignore[union-attr]
    assert covered.all()
    for count, length_px in zip((len(grid.rows), len(grid.cols)), scene_px, strict=True):
        assert count == 1 or (count - 2) * layout.step_px + layout.side_px < length_px


def test_chips_begin_inside_a_scene_at_multiples_of_the_step() -> None:
    layout = ChipLayout(side_px=12, step_px=4, stride_px=2)
    for length_px, last in ((1, 0), (12, 0), (13, 4), (16, 4), (17, 8), (40, 28)):
        grid = chips_of(Window(0, 0, length_px, 12), layout, scene_px=(length_px, 12))
        assert [chip.row_off for chip in grid.chips()] == [*range(0, last + 1, 4)]


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
def test_a_chip_is_the_scene_in_its_square(scene_px: tuple[int, int], layout: ChipLayout) -> None:
    for chip, pixels in chips_by_place(chips_of(whole(scene_px), layout, scene_px=scene_px)).items():
        assert chip.shape == (layout.side_px, layout.side_px)
        assert np.array_equal(pixels, scene_pixels(chip))


def test_chips_are_cut_without_a_copy() -> None:
    layout, window = ChipLayout(side_px=16, step_px=8, stride_px=2), Window(0, 0, 64, 64)
    pixels = scene_pixels(cover(window, layout, scene_px=window.shape))
    assert np.shares_memory(chips_of(window, layout, scene_px=window.shape).cut(pixels), pixels)


def test_an_array_of_another_rectangle_is_refused() -> None:
    grid = chips_of(Window(0, 0, 8, 8), ChipLayout(side_px=6, step_px=4, stride_px=1), scene_px=(8, 8))
    with pytest.raises(ValueError, match=r"height=10.*\(8, 8, 3\)"):
        grid.cut(np.zeros((8, 8, 3), np.uint8))


@pytest.mark.parametrize(
    ("side_px", "step_px", "stride_px", "said"),
    [
        (2, 0, 1, "step_px=0"),
        (4, 8, 4, "step_px at most side_px, got .*step_px=8"),
        (4, 4, 0, "stride_px=0"),
        (6, 4, 4, "multiples of stride_px"),
        (8, 2, 4, "multiples of stride_px"),
    ],
)
def test_a_layout_that_cannot_be_is_refused(side_px: int, step_px: int, stride_px: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ChipLayout(side_px=side_px, step_px=step_px, stride_px=stride_px)


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
