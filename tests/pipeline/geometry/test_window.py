import jaxtyping
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.geometry.window import Window

offsets = st.integers(-50, 50)
sides = st.integers(1, 40)
windows = st.builds(Window, offsets, offsets, sides, sides)


def pixels_of(window: Window | None) -> set[tuple[int, int]]:
    if window is None:
        return set()
    rows = range(window.row_off, window.row_end)
    return {(row, col) for row in rows for col in range(window.col_off, window.col_end)}


@given(windows, windows)
def test_intersection_has_the_pixels_of_both(one: Window, other: Window) -> None:
    assert pixels_of(one.intersection(other)) == pixels_of(one) & pixels_of(other)


@given(windows, st.integers(0, 20))
def test_expand_is_undone_by_its_negative(window: Window, px: int) -> None:
    grown = window.expand(px)
    assert grown.intersection(window) == window
    assert grown.expand(-px) == window


@given(windows, windows)
def test_slices_take_a_window_out_of_an_outer_array(one: Window, other: Window) -> None:
    inner = one.intersection(other)
    if inner is None:
        return
    rows, cols = np.indices(one.shape)
    taken = inner.slices_in(one)
    assert rows[taken].shape == inner.shape
    assert (rows[taken][0, 0] + one.row_off, cols[taken][0, 0] + one.col_off) == (
        inner.row_off,
        inner.col_off,
    )


@given(windows)
def test_slices_refuse_a_window_that_sticks_out(window: Window) -> None:
    with pytest.raises(ValueError, match="does not lie inside"):
        window.expand(1).slices_in(window)


@pytest.mark.parametrize("height", [0, -1])
def test_a_window_without_pixels_is_refused(height: int) -> None:
    with pytest.raises(ValueError, match=f"height={height}"):
        Window(0, 0, height, 4)


def test_a_numpy_integer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # users have no checks before ours
    with pytest.raises(TypeError, match="plain ints"):
        Window(0, 0, 1, np.int64(3))  # type: ignore[arg-type]
