"""The picture of a confusion matrix shows the counts it is given."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from jobs.show import matrix

COUNTS = st.integers(1, 6).flatmap(lambda k: arrays(np.int64, (k, k), elements=st.integers(0, 1000)))


def drawn(counts: np.ndarray, names: list[str]) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(matrix.draw(counts, names))))


@given(COUNTS)
def test_rows_add_up_to_one_and_rows_without_pixels_are_not_numbers(counts: np.ndarray) -> None:
    for row, shares in zip(counts, matrix.shares(counts), strict=True):
        if row.any():
            assert shares.sum() == pytest.approx(1)
            np.testing.assert_allclose(shares * row.sum(), row)
        else:
            assert np.isnan(shares).all()


def test_a_larger_share_is_darker_and_no_share_is_grey() -> None:
    shown = matrix.colours(np.array([[0, 0.1, 0.5, 0.9, 1.0, np.nan]])).astype(int)[0]
    brightness = shown.sum(axis=-1)[:5]
    assert (np.diff(brightness) < 0).all()
    assert tuple(shown[5]) == matrix.NONE_COLOUR


def test_each_cell_has_the_colour_of_its_share() -> None:
    """The corners of the cells, which hold no text, from the lower right end of the picture."""
    counts = np.array([[6, 2, 0], [1, 1, 2], [0, 0, 0]], np.int64)
    picture, cell_px = drawn(counts, ["house", "road", "snow"]), matrix.LARGEST_CELL_PX
    bottom = picture.shape[0] - matrix.MARGIN_PX
    grey = (picture[bottom - 5] == matrix.NONE_COLOUR).all(axis=-1)
    right = int(np.flatnonzero(grey)[-1]) + 1
    corners = picture[bottom - 3 * cell_px + 4 : bottom : cell_px, right - 3 * cell_px + 4 : right : cell_px]
    np.testing.assert_array_equal(corners, matrix.colours(matrix.shares(counts)))


def test_names_and_shares_are_written_while_there_is_room() -> None:
    """Dark pixels are text: a light matrix has no other. Its last rows are beside no title."""
    dark, last = {}, slice(-500, -matrix.MARGIN_PX)
    for k in (20, 60, 200):
        picture = drawn(np.ones((k, k), np.int64), ["class"] * k)
        assert max(picture.shape) < matrix.MATRIX_PX * 1.3
        black = picture.max(axis=-1) < 60
        dark[k] = (black[last, last].any(), black[last].any())
    assert dark == {20: (True, True), 60: (False, True), 200: (False, False)}


def test_a_long_name_is_cut_and_does_not_widen_the_picture_for_ever() -> None:
    counts = np.ones((2, 2), np.int64)
    assert drawn(counts, ["a", "b" * 40]).shape == drawn(counts, ["a", "b" * 400]).shape


def test_the_same_counts_give_the_same_bytes() -> None:
    counts = np.arange(9, dtype=np.int64).reshape(3, 3)
    assert matrix.draw(counts, ["a", "b", "c"]) == matrix.draw(counts, ["a", "b", "c"])
