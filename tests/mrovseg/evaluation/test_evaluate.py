"""Scoring labelled images and joining the parts of one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrovseg.data.labelled import LabelledImage
from mrovseg.errors import DataError
from mrovseg.evaluation.evaluate import join, score

cuts = st.lists(st.integers(1, 19), max_size=3, unique=True).map(sorted)


def image(height: int, width: int) -> LabelledImage:
    rng = np.random.default_rng(height * 100 + width)
    return LabelledImage(
        "image",
        rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
        rng.integers(0, 4, (height, width), dtype=np.uint8),
    )


@given(cuts, cuts)
def test_joining_the_parts_of_an_image_gives_it_back(rows: list[int], cols: list[int]) -> None:
    whole = image(20, 20)
    parts = [
        LabelledImage("part", pixels, labels)
        for row, labels_row in zip(np.split(whole.pixels, rows), np.split(whole.labels, rows), strict=True)
        for pixels, labels in zip(np.split(row, cols, 1), np.split(labels_row, cols, 1), strict=True)
    ]
    joined = join(parts, rows=len(rows) + 1, cols=len(cols) + 1)
    assert np.array_equal(joined.pixels, whole.pixels)
    assert np.array_equal(joined.labels, whole.labels)


@pytest.mark.parametrize(
    "sizes", [[(4, 5), (3, 5), (4, 5), (4, 5)], [(4, 5), (4, 5), (4, 6), (4, 5)], [(4, 5)]]
)
def test_parts_that_do_not_fit_are_refused(sizes: list[tuple[int, int]]) -> None:
    with pytest.raises(DataError, match="mosaic of 2x2"):
        join([image(*size) for size in sizes], rows=2, cols=2)


def test_images_add_up_and_classes_beyond_the_labels_are_other() -> None:
    first, second = image(6, 7), image(8, 9)
    truth = {len(one.pixels): one.labels for one in (first, second)}

    def segment(pixels: np.ndarray) -> np.ndarray:
        return np.where(truth[len(pixels)] == 2, 7, truth[len(pixels)]).astype(np.uint8)

    agreement = score([first, second], segment, classes=3)
    confusion, outlines = agreement.confusion, agreement.boundaries
    assert confusion.counts.sum() == first.labels.size + second.labels.size
    np.testing.assert_array_equal(confusion.iou, [1, 0, 1])
    assert confusion.counts[2, 0] == sum(int((labels == 2).sum()) for labels in truth.values())
    np.testing.assert_array_equal(outlines.iou, [1, 0, 1])


def test_other_counts_as_the_background_of_the_labels() -> None:
    one = image(6, 7)

    def segment(pixels: np.ndarray) -> np.ndarray:
        assert pixels is one.pixels
        return np.where(one.labels == 3, one.labels, np.where(one.labels == 1, 7, 0)).astype(np.uint8)

    confusion = score([one], segment, classes=3, background=2).confusion
    assert confusion.counts[:, 0].sum() == 0
    assert confusion.counts[1, 2] == (one.labels == 1).sum()
    assert confusion.counts[2, 2] == (one.labels == 2).sum()
    assert confusion.counts[3, 3] == (one.labels == 3).sum()
