"""Border rates by hand, against a search line by line, and their laws."""

import math
import statistics

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mrovseg.evaluation.borders import BorderRates, Grid

Ids = npt.NDArray[np.uint8]

Cut = tuple[
    int, tuple[int, ...]
]  # step and offsets: a strategy may not make the grid, whose checks draw lots

STRIDE_PX = 4
IDS = st.sampled_from([0, 1, 2, 3, 255])
SIDES = st.integers(1, 4).map(lambda n: n * STRIDE_PX)
GRIDS = st.tuples(st.integers(1, 9), st.lists(st.integers(-9, 9), min_size=1, max_size=2).map(tuple))


@st.composite
def masks(draw: st.DrawFn) -> Ids:
    """Masks of sides that are multiples of the stride."""
    return draw(arrays(np.uint8, (draw(SIDES), draw(SIDES)), elements=IDS))


def measured(grid: Grid, *images: Ids | npt.NDArray[np.uint16]) -> BorderRates:
    rates = BorderRates({"grid": grid}, stride_px=STRIDE_PX)
    for mask in images:
        rates.add(mask)
    return rates


def rate(grid: Grid, *images: Ids) -> float:
    return measured(grid, *images).rates["grid"]


def noise(seed: int, *, side_px: int = 256) -> Ids:
    return np.random.default_rng(seed).integers(0, 5, (side_px, side_px), np.uint8)


def squares(seed: int, *, step_px: int) -> Ids:
    """Squares of a class each, a twentieth of whose pixels have any other."""
    side_px = 8 * step_px
    whole = np.kron(noise(seed, side_px=8), np.ones((step_px, step_px), np.uint8))
    changed = np.random.default_rng(seed + 1).random(whole.shape) < 0.05
    return np.where(changed, noise(seed + 2, side_px=side_px), whole)


def searched(mask: Ids, grid: Grid) -> tuple[int, float]:
    """Return how many neighbours differ across the lines of the grid, and how many are expected to."""
    differing, expected = 0, 0.0
    for rows in (mask, mask.T):
        pairs = {
            n: [a != b for a, b in zip(rows[n - 1], rows[n], strict=True) if a != 255 and b != 255]
            for n in range(1, len(rows))
        }
        usual = [statistics.fmean(pairs[n]) for n in pairs if n % STRIDE_PX == 0 and pairs[n]]
        for n in pairs if usual else ():
            if any((n - offset) % grid.step_px == 0 for offset in grid.offsets_px):
                differing += sum(pairs[n])
                expected += statistics.median(usual) * len(pairs[n])
    return differing, expected


@given(mask=masks(), cut=GRIDS)
def test_equals_a_search_line_by_line(mask: Ids, cut: Cut) -> None:
    found = measured(Grid(*cut), mask)
    differing, expected = searched(mask, Grid(*cut))
    assert found.differing["grid"] == differing
    assert found.expected["grid"] == pytest.approx(expected, abs=1e-9)


def test_by_hand() -> None:
    """Bands of four rows: 2, 6 and 2 of 8 neighbours differ across their lines, and no two across column line 4."""
    bands = ["00000000", "11000000", "22111100", "22111111"]
    mask = np.repeat(np.array([list(band) for band in bands], np.uint8), 4, axis=0)
    found = measured(Grid(8), mask)
    assert found.differing["grid"] == 6
    assert found.expected["grid"] == 2
    assert found.rates["grid"] == 3


def test_a_mask_of_one_class_has_a_rate_of_0() -> None:
    assert rate(Grid(8), np.full((32, 32), 3, np.uint8)) == 0


def test_a_grid_without_a_line_in_the_mask_has_no_rate() -> None:
    rates = BorderRates({"chips": Grid(8), "windows": Grid(2048)}, stride_px=STRIDE_PX)
    rates.add(squares(1, step_px=8))
    assert math.isnan(rates.rates["windows"])
    assert rates.greatest == rates.rates["chips"]


def test_nothing_counted_has_no_rate() -> None:
    for images in ([], [np.full((32, 32), 255, np.uint8)], [np.zeros((1, 1), np.uint8)]):
        assert math.isnan(measured(Grid(8), *images).greatest)


@pytest.mark.parametrize(("step_px", "offsets_px"), [(0, (0,)), (-4, (0,)), (4, ())])
def test_a_grid_without_lines_is_refused(step_px: int, offsets_px: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a step of 1 px or more and an offset"):
        Grid(step_px, offsets_px)


@given(seed=st.integers(0, 2**32 - 4), step=st.integers(2, 16), offset=st.integers(0, 64))
def test_random_classes_have_a_rate_near_1(seed: int, step: int, offset: int) -> None:
    assert rate(Grid(step * STRIDE_PX, (offset,)), noise(seed)) == pytest.approx(1, abs=0.1)


@given(seed=st.integers(0, 2**32 - 4), step=st.integers(4, 8))
def test_a_mask_cut_into_squares_has_a_large_rate_on_their_grid_alone(seed: int, step: int) -> None:
    step_px = step * STRIDE_PX
    mask = squares(seed, step_px=step_px)
    assert rate(Grid(step_px), mask) > 4
    assert rate(Grid(step_px, (step_px // 2,)), mask) == pytest.approx(1, abs=0.5)


@st.composite
def mirrored(draw: st.DrawFn) -> tuple[Ids, Cut]:
    """A mask of whole cells of a grid whose lines stay where they are when the mask is turned over."""
    step_px = draw(st.sampled_from([4, 6, 8, 12]))
    offset_px = draw(st.integers(0, step_px - 1))
    side_px = math.lcm(step_px, STRIDE_PX)
    shape = (side_px * draw(st.integers(1, 2)), side_px * draw(st.integers(1, 2)))
    return draw(arrays(np.uint8, shape, elements=IDS)), (step_px, (offset_px, -offset_px))


@given(both=mirrored())
def test_a_mask_turned_over_has_the_same_rate(both: tuple[Ids, Cut]) -> None:
    mask, cut = both
    for turned in (mask[::-1], mask[:, ::-1]):
        np.testing.assert_array_equal(rate(Grid(*cut), mask), rate(Grid(*cut), turned))


@given(mask=masks(), cut=GRIDS)
def test_rows_and_columns_may_change_places(mask: Ids, cut: Cut) -> None:
    np.testing.assert_array_equal(rate(Grid(*cut), mask), rate(Grid(*cut), mask.T))


@given(mask=masks(), cut=GRIDS, renamed=st.permutations(range(255)))
def test_other_ids_for_the_classes_change_nothing(mask: Ids, cut: Cut, renamed: list[int]) -> None:
    table = np.array([*renamed, 255], np.uint8)
    np.testing.assert_array_equal(rate(Grid(*cut), mask), rate(Grid(*cut), table[mask]))


@given(mask=masks(), cut=GRIDS, rows=st.integers(0, 9), cols=st.integers(0, 9))
def test_no_data_around_a_mask_changes_nothing(mask: Ids, cut: Cut, rows: int, cols: int) -> None:
    around = np.pad(mask, ((0, rows), (0, cols)), constant_values=255)
    np.testing.assert_array_equal(rate(Grid(*cut), mask), rate(Grid(*cut), around))


@given(images=st.lists(masks(), max_size=4), cut=GRIDS, data=st.data())
def test_the_order_of_the_masks_does_not_matter(images: list[Ids], cut: Cut, data: st.DataObject) -> None:
    np.testing.assert_allclose(
        rate(Grid(*cut), *images), rate(Grid(*cut), *data.draw(st.permutations(images)))
    )


def test_a_mask_of_many_outlines_does_not_hide_the_seams_of_one_of_few() -> None:
    cut, busy = squares(5, step_px=32), noise(6)
    alone, together = rate(Grid(32), cut), rate(Grid(32), cut, busy)
    assert alone > together > 1
    found = [measured(Grid(32), mask) for mask in (cut, busy)]
    differing, expected = (
        sum(getattr(each, name)["grid"] for each in found) for name in ("differing", "expected")
    )
    assert together == pytest.approx(differing / expected)


def test_wide_ids_have_another_no_data() -> None:
    wide = np.zeros((16, 16), np.uint16)
    wide[8:] = 300
    assert measured(Grid(8), wide).differing["grid"] == 16
    wide[8:] = 65535
    assert measured(Grid(8), wide).differing["grid"] == 0
