"""Boundary IoU against a search pixel by pixel, against repeated erosion, by hand, and its laws."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from mrovseg.evaluation.boundaries import BoundaryIoU

Ids = npt.NDArray[np.uint8]
Outline = Callable[[npt.NDArray[np.bool_], int], set[tuple[int, int]]]

CLASSES = 3
IDS = st.sampled_from([*range(CLASSES + 1), 255])
SHARES = st.sampled_from([0.02, 0.1, 0.2])  # 1 to 3 px in these masks
SIZES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Ids, Ids]:
    """Masks of patches, so that some have an inside, with single pixels changed."""
    height, width = draw(SIZES)
    coarse = arrays(np.uint8, (-(-height // 6), -(-width // 6)), elements=IDS)
    blocks = [np.kron(draw(coarse), np.ones((6, 6), np.uint8))[:height, :width] for _ in range(2)]
    specks = draw(arrays(np.uint8, (height, width), elements=IDS, fill=st.just(0)))
    return blocks[0], np.where(specks > 0, specks, blocks[draw(st.integers(0, 1))])


def measured(*images: tuple[Ids, Ids], share: float = 0.02) -> BoundaryIoU:
    boundaries = BoundaryIoU(CLASSES, dilation_ratio=share)
    for mask, truth in images:
        boundaries.add(mask, truth)
    return boundaries


def width_px(shape: tuple[int, ...], share: float) -> int:
    return max(1, round(share * math.sqrt(shape[0] ** 2 + shape[1] ** 2)))


def searched(region: npt.NDArray[np.bool_], d: int) -> set[tuple[int, int]]:
    """Return the pixels of a region with a place in reach that is not in it."""
    inside = {(int(y), int(x)) for y, x in np.argwhere(region)}
    reach = range(-d, d + 1)
    return {(y, x) for y, x in inside if any((y + i, x + j) not in inside for i in reach for j in reach)}


def eroded(region: npt.NDArray[np.bool_], d: int) -> set[tuple[int, int]]:
    """Return a region minus itself eroded d times by 3 x 3, with nothing beyond the image."""
    left = ndimage.binary_erosion(region, np.ones((3, 3)), iterations=d, border_value=0)
    return {(int(y), int(x)) for y, x in np.argwhere(region & ~left)}


@pytest.mark.parametrize("outline", [searched, eroded])
@given(pair=pairs(), share=SHARES)
def test_equals_an_oracle_class_by_class(outline: Outline, pair: tuple[Ids, Ids], share: float) -> None:
    mask, truth = pair
    counts, d = (mask != 255) & (truth != 255), width_px(mask.shape, share)
    expected = []
    for i in range(1, CLASSES + 1):
        found, true = (outline((ids == i) & counts, d) for ids in (mask, truth))
        expected.append(len(found & true) / len(found | true) if found | true else np.nan)
    boundaries = measured(pair, share=share)
    np.testing.assert_allclose(boundaries.iou, expected, rtol=0, atol=1e-12)
    there = [iou for i, iou in enumerate(expected, start=1) if ((truth == i) & counts).any()]
    np.testing.assert_allclose(boundaries.miou, np.mean(there) if there else np.nan, rtol=0, atol=1e-12)


def test_by_hand() -> None:
    """Outlines 1 px wide of squares of 5 px, one a column further: 16 px each.

    Both have columns 2..5 of rows 1 and 5. In the rows between, one has columns 1 and 5, the other 2 and 6.
    """
    truth, mask = np.zeros((2, 8, 8), np.uint8)
    truth[1:6, 1:6], mask[1:6, 2:7] = 1, 1
    assert measured((mask, truth)).iou[0] == 8 / (16 + 16 - 8)


def test_a_class_that_fills_the_image_has_its_border_for_an_outline() -> None:
    full = np.ones((6, 7), np.uint8)
    boundaries = measured((full, full))
    assert boundaries.true_pixels[0] == 2 * 7 + 2 * 4
    assert boundaries.iou[0] == 1


def test_width_follows_the_diagonal() -> None:
    """Of 300 x 400 px the diagonal is 500 px and 2 % of it 10 px."""
    full = np.ones((300, 400), np.uint8)
    assert measured((full, full)).true_pixels[0] == 300 * 400 - 280 * 380


def test_a_pixel_of_error_costs_outlines_more_than_areas() -> None:
    truth, mask = np.zeros((2, 60, 60), np.uint8)
    truth[5:55, 5:55], mask[5:55, 6:56] = 1, 1
    assert measured((mask, truth)).iou[0] < 0.7 < 49 / 51


def test_a_predicted_class_that_is_not_in_the_truth_has_no_part_in_the_mean() -> None:
    boundaries = measured((np.array([[1, 2]], np.uint8), np.array([[1, 1]], np.uint8)))
    np.testing.assert_array_equal(boundaries.iou, [0.5, 0, np.nan])
    assert boundaries.miou == 0.5


def test_nothing_counted_is_not_a_number() -> None:
    assert np.isnan(measured().miou)
    assert np.isnan(measured().iou).all()


def test_a_class_id_beyond_the_classes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must be 0\.\.3, got 4"):
        measured((np.array([[4]], np.uint8), np.array([[1]], np.uint8)))


def test_wide_ids_have_another_no_data() -> None:
    mask, truth = np.array([[300, 300, 65535]], np.uint16), np.array([[300, 65535, 300]], np.uint16)
    boundaries = BoundaryIoU(400)
    boundaries.add(mask, truth)
    assert boundaries.true_pixels.sum() == boundaries.common_pixels[299] == 1


@given(pair=pairs())
def test_what_is_right_wherever_the_truth_is_labelled_is_perfect(pair: tuple[Ids, Ids]) -> None:
    other, truth = pair
    right = np.where(truth == 255, np.where(other == 255, 0, other), truth)
    iou = measured((right, truth)).iou
    assert set(iou[~np.isnan(iou)]) <= {1.0}


@given(images=st.lists(pairs(), max_size=4), data=st.data())
def test_neither_order_nor_parts_of_the_images_matter(
    images: list[tuple[Ids, Ids]], data: st.DataObject
) -> None:
    whole, shuffled = measured(*images), measured(*data.draw(st.permutations(images)))
    np.testing.assert_array_equal(whole.iou, shuffled.iou)
    at = data.draw(st.integers(0, len(images)))
    for name in ("true_pixels", "predicted_pixels", "common_pixels"):
        parts = [getattr(measured(*part), name) for part in (images[:at], images[at:])]
        np.testing.assert_array_equal(getattr(whole, name), sum(parts))


@given(pair=pairs(), renamed=st.permutations(range(1, CLASSES + 1)))
def test_renaming_the_classes_renames_the_result(pair: tuple[Ids, Ids], renamed: list[int]) -> None:
    table = np.arange(256, dtype=np.uint8)
    table[1 : CLASSES + 1] = renamed
    before, after = measured(pair), measured((table[pair[0]], table[pair[1]]))
    np.testing.assert_array_equal(before.iou, after.iou[np.array(renamed) - 1])
    np.testing.assert_allclose(before.miou, after.miou)


@given(pair=pairs())
def test_mask_and_truth_may_change_places(pair: tuple[Ids, Ids]) -> None:
    np.testing.assert_array_equal(measured(pair).iou, measured(pair[::-1]).iou)
