"""The picture of a confusion matrix shows the counts it is given."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
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
    counts = np.diag(np.array([0, 10, 50, 90, 100]))
    counts[:, 4] += np.array([0, 90, 50, 10, 0])
    shown = cells(counts, list("abcde"))
    brightness = shown[[1, 2, 3, 4], [1, 2, 3, 4]].sum(axis=-1)
    assert (np.diff(brightness) < 0).all()
    assert (np.ptp(shown[0], axis=-1) == 0).all()
    assert (shown[0] < 250).all()
    assert brightness[0] < shown[1, 0].sum()  # no pixel of a class that is there


def cells(counts: np.ndarray, names: list[str]) -> np.ndarray:
    """The colours of the cells as drawn, (k, k, 3): at their corners, which hold no text."""
    figure = matrix.figure_of(counts, names)
    figure.canvas.draw()
    picture = np.asarray(figure.canvas.buffer_rgba())[..., :3]  # type: ignore[attr-defined]  # Agg's
    places = figure.axes[0].transData.transform([(at - 0.4, at - 0.4) for at in range(len(names))])
    columns, rows = np.floor(places).astype(int).T
    return picture[np.ix_(picture.shape[0] - 1 - rows, columns)].astype(int)


@given(COUNTS)
@settings(max_examples=10)
def test_each_cell_has_the_colour_of_its_share(counts: np.ndarray) -> None:
    shown = cells(counts, [str(each) for each in range(len(counts))])
    expected = matrix.SHADES(np.ma.masked_invalid(matrix.shares(counts)), bytes=True)[..., :3]
    np.testing.assert_allclose(shown, expected, atol=1)


def test_the_largest_matrix_of_each_kind_has_what_there_is_room_for() -> None:
    written = {}
    for k in (2, 50, 60, 166, 200):
        axes = matrix.figure_of(np.ones((k, k), np.int64), [f"class {each}" for each in range(k)]).axes[0]
        names = [label.get_text() for label in axes.get_yticklabels()]
        written[k] = (len(axes.texts), names[:1])
        assert names == [label.get_text() for label in axes.get_xticklabels()]
    assert written == {
        2: (4, ["class 0"]),
        50: (2500, ["class 0"]),
        60: (0, ["class 0"]),
        166: (0, ["class 0"]),
        200: (0, []),
    }


def test_texts_do_not_touch_each_other() -> None:
    """The per cent of a cell stay in it, and a name beside its row."""
    for k in (2, 40, 50, 166):
        figure = matrix.figure_of(np.eye(k, dtype=np.int64) * 100, ["parking lot"] * k)
        figure.canvas.draw()
        axes = figure.axes[0]
        cell_px = axes.get_window_extent().width / k
        assert all(text.get_window_extent().width < cell_px for text in axes.texts)
        heights = [label.get_window_extent().height for label in axes.get_yticklabels()]
        assert max(heights) <= cell_px + 1


def test_the_picture_shows_all_that_is_written_and_is_no_larger_than_a_screen_can_show() -> None:
    for k in (2, 40, 200):
        picture = drawn(np.ones((k, k), np.int64), ["a class of a long name as there are"] * k)
        assert max(picture.shape) < matrix.MATRIX_PX * 1.4
        assert (picture[[0, -1]] == 255).all()  # nothing is cut off
        assert (picture[:, [0, -1]] == 255).all()


def test_a_long_name_is_cut_and_does_not_widen_the_picture_for_ever() -> None:
    counts = np.ones((2, 2), np.int64)
    assert drawn(counts, ["a", "b" * 40]).shape == drawn(counts, ["a", "b" * 400]).shape


def test_a_name_is_written_as_it_is_whatever_its_letters() -> None:
    names = ["$x_2$", "道路", "a\\b", "50% grass"]
    counts = np.ones((4, 4), np.int64)
    labels = matrix.figure_of(counts, names).axes[0].get_yticklabels()
    assert [label.get_text() for label in labels] == names
    assert not any(label.get_parse_math() for label in labels)
    assert drawn(counts, names).size


def test_the_same_counts_give_the_same_bytes() -> None:
    counts = np.arange(9, dtype=np.int64).reshape(3, 3)
    assert matrix.draw(counts, ["a", "b", "c"]) == matrix.draw(counts, ["a", "b", "c"])
