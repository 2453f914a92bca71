import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.geometry.grid import plan_windows
from pipeline.geometry.lattice import Lattice, chunks_of, ramp
from pipeline.geometry.window import Window

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
