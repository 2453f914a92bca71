import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.geometry.grid import Lattice, chunks_of, count_windows, plan_windows, squares
from pipeline.geometry.window import Window

extents = st.integers(1, 60)


@given(extents, extents, st.integers(1, 25))
def test_windows_partition_the_extent(height: int, width: int, window_px: int) -> None:
    times_seen = np.zeros((height, width), np.int64)
    for window in plan_windows(height, width, window_px=window_px):
        times_seen[window.slices_in(Window(0, 0, height, width))] += 1
    assert (times_seen == 1).all()


@given(extents, extents, st.integers(1, 25))
def test_windows_are_anchored_ordered_and_counted(height: int, width: int, window_px: int) -> None:
    windows = list(plan_windows(height, width, window_px=window_px))
    assert windows == sorted(windows)
    assert all(window.row_off % window_px == window.col_off % window_px == 0 for window in windows)
    assert len(windows) == count_windows(height, width, window_px=window_px)


@given(st.integers(-30, 30), st.integers(-30, 30), extents, extents, st.integers(1, 25))
def test_squares_cover_a_window_on_one_lattice(
    row_off: int, col_off: int, height: int, width: int, side_px: int
) -> None:
    window = Window(row_off, col_off, height, width)
    times_seen = np.zeros(window.shape, np.int64)
    for square in squares(window, side_px=side_px):
        assert square.row_off % side_px == square.col_off % side_px == 0
        part = square.intersection(window)
        assert part is not None
        times_seen[part.slices_in(window)] += 1
    assert (times_seen == 1).all()


def test_planning_is_lazy() -> None:
    assert next(plan_windows(10**12, 10**12, window_px=1024)) == Window(0, 0, 1024, 1024)


sides = st.integers(1, 40)


@settings(max_examples=40)
@given(sides, sides, st.integers(2, 7), st.integers(1, 4))
def test_a_ring_is_that_of_the_scene_whose_edge_is_repeated(
    height: int, width: int, unit_px: int, units: int
) -> None:
    lattice = Lattice(unit_px=unit_px, scene_px=(height, width))
    numbers = np.arange(-(-height // unit_px) * -(-width // unit_px)).reshape(-(-height // unit_px), -1)
    around = np.pad(numbers, 1, mode="edge")
    for window in plan_windows(height, width, window_px=units * unit_px):
        rows, cols = lattice.ringed(window)
        top, left = window.row_off // unit_px, window.col_off // unit_px
        expected = around[top : top + len(rows), left : left + len(cols)]
        assert len(rows) == -(-window.height // unit_px) + 2
        assert np.array_equal(numbers[np.ix_(rows, cols)], expected)
        area = lattice.around(window)
        inside = area.slices_in(Window(0, 0, *numbers.shape))
        assert np.array_equal(np.unique(numbers[inside]), np.unique(expected))


@given(st.integers(0, 5), st.integers(0, 5), sides, sides, st.integers(1, 20))
def test_chunks_of_a_window_are_those_of_its_scene(
    row: int, col: int, height: int, width: int, chunk_px: int
) -> None:
    window = Window(row * chunk_px, col * chunk_px, height, width)
    every = plan_windows(window.row_end, window.col_end, window_px=chunk_px)
    assert [*chunks_of(window, chunk_px=chunk_px)] == [each for each in every if each.intersection(window)]
