"""Confusion counts against a set-based oracle, and their laws."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mrovseg.evaluation.metrics import Confusion

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
    np.testing.assert_array_equal(confusion.true_pixels, [3, 2, 0])
    np.testing.assert_allclose(confusion.share, [3 / 6, 2 / 6, 0])
    np.testing.assert_allclose(confusion.accuracy, [2 / 3, 1 / 2, np.nan])
    np.testing.assert_allclose(confusion.mean_accuracy, (2 / 3 + 1 / 2) / 2)
    np.testing.assert_allclose(confusion.frequency_weighted_iou, (3 * (2 / 4) + 2 * (1 / 2)) / 5)


def test_a_predicted_class_that_is_not_in_the_truth_has_iou_zero_and_no_part_in_the_mean() -> None:
    confusion = Confusion(2)
    confusion.add(np.array([[1, 2]], np.uint8), np.array([[1, 1]], np.uint8))
    np.testing.assert_array_equal(confusion.iou, [0.5, 0.0])
    assert confusion.miou == 0.5


def test_nothing_counted_is_not_a_number() -> None:
    confusion = Confusion(2)
    assert np.isnan(confusion.miou)
    assert np.isnan(confusion.pixel_accuracy)
    assert np.isnan(confusion.frequency_weighted_iou)
    assert np.isnan(confusion.mean_accuracy)
    assert np.isnan([confusion.iou, confusion.accuracy, confusion.share]).all()


def test_a_class_id_beyond_the_classes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must be 0\.\.2, got 3"):
        Confusion(2).add(np.array([[3]], np.uint8), np.array([[1]], np.uint8))


def test_unlabelled_is_the_highest_id_of_the_truth() -> None:
    confusion = Confusion(300)
    confusion.add(np.array([[255, 2]], np.uint16), np.array([[255, 65535]], np.uint16))
    assert confusion.counts.sum() == confusion.counts[255, 255] == 1


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
    iou, accuracy, pixels = {}, {}, {}
    for i in range(1, CLASSES + 1):
        found = {p for p in places if mask[p] == i}
        true = {p for p in places if truth[p] == i}
        pixels[i] = len(true)
        iou[i] = len(found & true) / len(found | true) if found | true else np.nan
        accuracy[i] = len(found & true) / len(true) if true else np.nan
    np.testing.assert_allclose(confusion.iou, list(iou.values()))
    np.testing.assert_allclose(confusion.accuracy, list(accuracy.values()))
    there = [i for i, n in pixels.items() if n]
    for measured, per_class in ((confusion.miou, iou), (confusion.mean_accuracy, accuracy)):
        np.testing.assert_allclose(measured, np.mean([per_class[i] for i in there]) if there else np.nan)
    by_pixel = [iou[truth[p]] for p in places if truth[p]]  # each pixel of a class brings its class's IoU
    np.testing.assert_allclose(confusion.frequency_weighted_iou, np.mean(by_pixel) if by_pixel else np.nan)
    right = [mask[p] == truth[p] for p in places]
    np.testing.assert_allclose(confusion.pixel_accuracy, np.mean(right) if right else np.nan)
    share = [n / len(places) for n in pixels.values()] if places else np.full(CLASSES, np.nan)
    np.testing.assert_allclose(confusion.share, share)


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
    for name in ("iou", "accuracy", "share"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name)[np.array(renamed) - 1])
    for name in ("miou", "mean_accuracy", "frequency_weighted_iou", "pixel_accuracy"):
        np.testing.assert_allclose(getattr(before, name), getattr(after, name))


@given(truth=MASKS)
def test_the_truth_itself_is_perfect(truth: Ids) -> None:
    confusion = counted(np.where(truth == 255, 0, truth), truth)
    for name in ("miou", "mean_accuracy", "frequency_weighted_iou", "pixel_accuracy"):
        figure = getattr(confusion, name)
        assert np.isnan(figure) or figure == pytest.approx(1)
