from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.store.overviews.halving import halved_classes, halved_values

SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)
IDS = hnp.arrays(np.uint8, SHAPES, elements=st.sampled_from([0, 1, 2, 3, 255]))
WIDE_IDS = hnp.arrays(np.uint16, SHAPES, elements=st.sampled_from([0, 1, 300, 65535]))
VALUES = hnp.arrays(np.uint8, SHAPES, elements=st.sampled_from([0, 1, 2, 100, 253, 254, 255]))


def fours(values: np.ndarray) -> dict[tuple[int, int], list[int]]:
    """The valid pixels that each coarser one is made of, row by row."""
    found: dict[tuple[int, int], list[int]] = {}
    for (row, col), value in np.ndenumerate(values):
        four = found.setdefault((row // 2, col // 2), [])
        if value != np.iinfo(values.dtype).max:
            four.append(int(value))
    return found


def check_classes(ids: np.ndarray) -> None:
    nodata = int(np.iinfo(ids.dtype).max)
    halved = halved_classes(ids, nodata=nodata)
    assert halved.dtype == ids.dtype
    assert halved.shape == tuple(-(-side // 2) for side in ids.shape)
    for where, four in fours(ids).items():
        times = Counter(four)  # which keeps the order in which they come, and `max` the first of equals
        expected = max(times, key=lambda each: times[each]) if four else nodata
        assert halved[where] == expected


@given(IDS)
def test_a_class_is_the_most_frequent_of_the_valid_pixels_and_of_equals_the_first(ids: np.ndarray) -> None:
    check_classes(ids)


@given(WIDE_IDS)
def test_ids_of_two_bytes_are_halved_alike(ids: np.ndarray) -> None:
    check_classes(ids)


@given(IDS, st.permutations([0, 1, 2, 3]))
def test_it_does_not_matter_which_numbers_classes_have(ids: np.ndarray, numbers: list[int]) -> None:
    renumber = np.full(256, 255, np.uint8)
    renumber[:4] = numbers
    halved = halved_classes(renumber[ids], nodata=255)
    np.testing.assert_array_equal(halved, renumber[halved_classes(ids, nodata=255)])


@given(VALUES)
def test_a_value_is_the_mean_of_the_valid_ones_with_halves_up(values: np.ndarray) -> None:
    halved = halved_values(values, nodata=255)
    assert halved.dtype == np.uint8
    for where, four in fours(values).items():
        assert halved[where] == (np.floor(np.mean(four) + 0.5) if four else 255)
