import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.geometry.grid import count_windows, plan_windows, squares
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
