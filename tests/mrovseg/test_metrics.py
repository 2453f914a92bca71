"""Confusion counts against a set-based oracle, and their laws."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mrovseg.metrics import Confusion

Ids = npt.NDArray[np.uint8]

CLASSES = 4
IDS = st.sampled_from([*range(CLASSES + 1), 255])
MASKS = arrays(np.uint8, (6, 7), elements=IDS)


def counted(mask: Ids, truth: Ids) -> Confusion:
    confusion = Confusion(CLASSES)
    confusion.add(mask, truth)
    return confusion


def test_by_hand() -> None:
    truth = np.array([[1, 1, 1, 2], [2, 0, 255, 3]], np.uint8)
    mask = np.array([[1, 1, 0, 1], [2, 0, 3, 255]], np.uint8)
    confusion = Confusion(3)
    confusion.add(mask, truth)
    np.testing.assert_array_equal(confusion.iou, [2 / 4, 1 / 2, np.nan])
    assert confusion.miou == (2 / 4 + 1 / 2) / 2
    assert confusion.pixel_accuracy == 4 / 6


def test_a_predicted_class_that_is_not_in_the_truth_has_iou_zero_and_no_part_in_the_mean() -> None:
    confusion = Confusion(2)
    confusion.add(np.array([[1, 2]], np.uint8), np.array([[1, 1]], np.uint8))
    np.testing.assert_array_equal(confusion.iou, [0.5, 0.0])
    assert confusion.miou == 0.5


def test_nothing_counted_is_not_a_number() -> None:
    confusion = Confusion(2)
    assert np.isnan(confusion.miou)
    assert np.isnan(confusion.pixel_accuracy)
    assert np.isnan(confusion.iou).all()


def test_a_class_id_beyond_the_classes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must be 0\.\.2, got 3"):
        Confusion(2).add(np.array([[3]], np.uint8), np.array([[1]], np.uint8))


def test_wide_masks_have_another_no_data() -> None:
    mask, truth = np.array([[65535, 300]], np.uint16), np.array([[1, 0]], np.uint8)
    confusion = Confusion(400)
    confusion.add(mask, truth)
    assert confusion.counts.sum() == 1
    assert confusion.counts[0, 300] == 1


def test_wide_truth_has_another_unlabelled() -> None:
    mask, truth = np.array([[1, 255, 2]], np.uint16), np.array([[65535, 255, 2]], np.uint16)
    confusion = Confusion(400)
    confusion.add(mask, truth)
    assert confusion.counts.sum() == 2
    assert confusion.counts[255, 255] == confusion.counts[2, 2] == 1


@given(mask=MASKS, truth=MASKS)
def test_equals_sets_of_places(mask: Ids, truth: Ids) -> None:
    places = {tuple(p) for p in np.argwhere((truth != 255) & (mask != 255)).tolist()}
    confusion = counted(mask, truth)
    expected = {}
    for i in range(1, CLASSES + 1):
        found = {p for p in places if mask[p] == i}
        true = {p for p in places if truth[p] == i}
        expected[i] = len(found & true) / len(found | true) if found | true else np.nan
    np.testing.assert_allclose(confusion.iou, list(expected.values()))
    there = [expected[i] for i in expected if any(truth[p] == i for p in places)]
    np.testing.assert_allclose(confusion.miou, np.mean(there) if there else np.nan)
    right = [mask[p] == truth[p] for p in places]
    np.testing.assert_allclose(confusion.pixel_accuracy, np.mean(right) if right else np.nan)


@given(mask=MASKS, truth=MASKS, order=st.permutations(range(42)), row=st.integers(0, 6))
def test_order_and_parts_do_not_matter(mask: Ids, truth: Ids, order: list[int], row: int) -> None:
    whole = counted(mask, truth)
    shuffled = counted(*(a.ravel()[order].reshape(6, 7) for a in (mask, truth)))
    np.testing.assert_array_equal(whole.counts, shuffled.counts)
    parts = Confusion(CLASSES)
    for part in (slice(None, row), slice(row, None)):
        parts.add(mask[part], truth[part])
    np.testing.assert_array_equal(whole.counts, parts.counts)


@given(mask=MASKS, truth=MASKS, renamed=st.permutations(range(1, CLASSES + 1)))
def test_renaming_the_classes_renames_the_result(mask: Ids, truth: Ids, renamed: list[int]) -> None:
    table = np.arange(256, dtype=np.uint8)
    table[1 : CLASSES + 1] = renamed
    before, after = counted(mask, truth), counted(table[mask], table[truth])
    np.testing.assert_array_equal(before.iou, after.iou[np.array(renamed) - 1])
    np.testing.assert_allclose(before.miou, after.miou)


@given(truth=MASKS)
def test_the_truth_itself_is_perfect(truth: Ids) -> None:
    confusion = counted(np.where(truth == 255, 0, truth), truth)
    assert np.isnan(confusion.miou) or confusion.miou == 1
