import numpy as np
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from pipeline.geometry.transform import Transform, bounds, pixel_size, to_crs, to_pixels, with_pixels

NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False)
TRANSFORMS = st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
PLACES = st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1e5)), min_size=1, max_size=8).map(np.array)


@given(TRANSFORMS, PLACES)
def test_a_place_is_where_rasterio_says(transform: Transform, places: np.ndarray) -> None:
    rows, cols = places.T
    x, y = to_crs(transform, rows=rows, cols=cols)
    expected = [rasterio.Affine(*transform) @ (col, row) for row, col in places]
    np.testing.assert_allclose(np.stack([x, y], axis=1), expected, rtol=1e-12, atol=1e-6)


@given(st.floats(1e-3, 1e3), st.floats(0, 2 * np.pi), st.tuples(NUMBERS, NUMBERS), PLACES)
def test_back_in_pixels_is_where_it_was(
    size: float, turn: float, origin: tuple[float, float], places: np.ndarray
) -> None:
    a, d = size * np.cos(turn), size * np.sin(turn)
    transform = (a, d, origin[0], d, -a, origin[1])
    rows, cols = places.T
    x, y = to_crs(transform, rows=rows, cols=cols)
    back = to_pixels(transform, x=x, y=y)
    np.testing.assert_allclose(back, [rows, cols], rtol=1e-9, atol=1e-5 + 1e-9 * max(map(abs, origin)) / size)


@given(TRANSFORMS, st.floats(0.1, 10), st.floats(0.1, 10), PLACES)
def test_larger_pixels_lie_on_the_same_ground(
    transform: Transform, high: float, wide: float, places: np.ndarray
) -> None:
    rows, cols = places.T
    larger = with_pixels(transform, rows=high, cols=wide)
    found = to_crs(larger, rows=rows, cols=cols)
    expected = to_crs(transform, rows=rows * high, cols=cols * wide)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-2)


@given(TRANSFORMS, st.integers(1, 1000), st.integers(1, 1000))
def test_bounds_hold_every_corner_and_touch_some(transform: Transform, height: int, width: int) -> None:
    rows, cols = np.meshgrid([0, height / 2, height], [0, width / 2, width])
    x, y = to_crs(transform, rows=rows, cols=cols)
    left, bottom, right, top = bounds(transform, height=height, width=width)
    slack = 1e-9 * np.abs([left, bottom, right, top]).max()
    assert abs(x.min() - left) <= slack
    assert abs(x.max() - right) <= slack
    assert abs(y.min() - bottom) <= slack
    assert abs(y.max() - top) <= slack


@given(TRANSFORMS)
def test_the_size_of_a_pixel_is_as_long_as_its_sides(transform: Transform) -> None:
    x, y = to_crs(transform, rows=np.array([0, 1, 0]), cols=np.array([0, 0, 1]))
    sides = np.hypot(x[1:] - x[0], y[1:] - y[0])
    np.testing.assert_allclose(pixel_size(transform), sides, rtol=1e-6, atol=1e-6)
