"""Losses on cases small enough for the hand."""

import math

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from mrovseg.data.labelled import IGNORE
from mrovseg.network.decoder import attention_mask, grid_position
from mrovseg.training.losses import (
    QUERIES_PER_MASK,
    UNMATCHED,
    class_loss,
    coverage,
    mask_losses,
    match,
    partial_cross_entropy,
    sample_points,
    true_masks,
    uncertain_points,
)


def test_coverage_is_the_share_of_a_cell() -> None:
    labels = torch.tensor([[[1, 1, 2, 0], [1, IGNORE, 2, 2], [0, 0, IGNORE, IGNORE], [0, 0, IGNORE, IGNORE]]])
    none, first, second = coverage(labels, classes=2, grid=2)[0].tolist()
    assert none == [[0, 0.25], [1, 0]]
    assert first == [[0.75, 0], [0, 0]]
    assert second == [[0, 0.75], [0, 0]]


@given(seed=st.integers(0, 1000), chips=st.integers(1, 3), grid=st.sampled_from([1, 2, 3]))
def test_coverage_counts_every_labelled_pixel_once(seed: int, chips: int, grid: int) -> None:
    labels = torch.from_numpy(np.random.default_rng(seed).choice([0, 1, 2, IGNORE], (chips, 6, 6)))
    share = coverage(labels, classes=2, grid=grid)
    counted = share.sum(dim=(2, 3)) * (6 // grid) ** 2
    expected = torch.stack([(labels == i).sum(dim=(1, 2)) for i in range(3)], dim=1)
    assert torch.allclose(counted, expected.float())


def test_partial_cross_entropy_weighs_rows_by_what_is_labelled() -> None:
    logits = torch.tensor([[0.0, 0.0], [math.log(3), 0.0]])
    no_rest = torch.zeros(2, 2, dtype=torch.bool)
    loss = partial_cross_entropy(logits, torch.tensor([[0, 0.5, 0.5], [0, 0.0, 1.0]]), no_rest)
    assert torch.isclose(loss, torch.tensor((math.log(2) + math.log(4)) / 2))
    half = partial_cross_entropy(logits, torch.tensor([[0, 0.0, 0.0], [0, 0.5, 0.0]]), no_rest)
    assert torch.isclose(half, torch.tensor(math.log(4 / 3)))


def test_what_is_none_of_the_classes_may_be_any_of_the_rest() -> None:
    logits = torch.tensor([[math.log(2), math.log(3), math.log(5)]])
    none, rest = torch.tensor([[1.0, 0, 0, 0]]), torch.tensor([[False, True, True]])
    assert torch.isclose(partial_cross_entropy(logits, none, rest), torch.tensor(math.log(10 / 8)))
    assert partial_cross_entropy(logits, none, torch.zeros_like(rest)) == 0


def test_points_are_read_as_x_and_y() -> None:
    values = torch.arange(6.0).reshape(1, 2, 3)
    points = torch.tensor([[[0.5 / 3, 0.25], [2.5 / 3, 0.75], [0.5, 0.5]]])
    assert torch.allclose(sample_points(values, points), torch.tensor([[0.0, 5.0, 2.5]]), atol=1e-5)


def test_uncertain_points_lie_along_the_border() -> None:
    torch.manual_seed(0)
    logits = torch.linspace(-8, 8, 32).expand(1, 32, 32)
    x = uncertain_points(logits, 400)[0, :, 0]
    assert ((x[:300] - 0.5).abs() < 0.2).all()
    assert ((x[300:] - 0.5).abs() > 0.2).any()


def test_mask_losses_of_a_right_and_of_a_wrong_mask() -> None:
    mask = torch.zeros(1, 8, 8)
    mask[..., :4] = 1
    everywhere = torch.ones_like(mask)
    right = mask_losses(20 * (2 * mask - 1), mask, everywhere, points=200)
    wrong = mask_losses(-20 * (2 * mask - 1), mask, everywhere, points=200)
    assert max(float(loss) for loss in right) < 0.1
    assert wrong[1] > 0.9
    assert wrong[0] > 5
    hidden = mask_losses(-20 * (2 * mask - 1), mask, torch.zeros_like(mask), points=200)
    assert [float(loss) for loss in hidden] == [0, 0]


def test_queries_are_matched_with_their_masks() -> None:
    torch.manual_seed(0)
    masks = torch.zeros(2, 8, 8)
    masks[0, :4], masks[1, :, 6:] = 1, 1
    logits = torch.stack([torch.zeros(8, 8), 9 * (2 * masks[1] - 1), 9 * (2 * masks[0] - 1)])
    rows, cols = match(torch.zeros(3, 4), logits, torch.tensor([0, 2]), masks, points=64)
    paired = dict(zip(rows.tolist(), cols.tolist(), strict=True))
    assert (paired[1], paired[2]) == (1, 0)


def test_equal_masks_are_matched_by_class() -> None:
    masks, logits = torch.ones(1, 4, 4), torch.zeros(9, 4, 4)
    scores = 3 * torch.eye(3).repeat(3, 1)
    rows, _ = match(scores, logits, torch.tensor([1]), masks, points=16)
    assert rows.tolist() == [1, 4, 7]


@given(masks=st.integers(1, 4), queries=st.integers(1, 20), seed=st.integers(0, 99))
def test_a_mask_has_several_queries_and_a_query_one_mask(masks: int, queries: int, seed: int) -> None:
    torch.manual_seed(seed)
    rows, cols = match(
        torch.randn(queries, 5),
        torch.randn(queries, 4, 4),
        torch.randint(5, (masks,)),
        torch.randint(2, (masks, 4, 4)).float(),
        points=16,
    )
    assert len(set(rows.tolist())) == len(rows) == min(queries, QUERIES_PER_MASK * masks)
    assert np.bincount(cols, minlength=masks).max() <= QUERIES_PER_MASK


def test_a_query_without_a_mask_counts_a_tenth() -> None:
    logits = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, math.log(2)]])
    loss = class_loss([logits], [torch.tensor([0, UNMATCHED])], [2])
    assert torch.isclose(loss, torch.tensor((math.log(3) + 0.1 * math.log(2)) / 1.1))


def test_a_query_without_a_mask_may_be_what_the_set_does_not_label() -> None:
    logits = torch.log(torch.tensor([[2.0, 3.0, 5.0]]))
    loss = class_loss([logits], [torch.tensor([UNMATCHED])], [1])
    assert torch.isclose(loss, torch.tensor(math.log(10 / 8)))


def test_true_masks_leave_out_other_the_unlabelled_and_the_small() -> None:
    labels = torch.tensor([[3, 3, 0], [3, IGNORE, 1]])
    classes, masks, labelled = true_masks(labels, min_px=2)
    assert classes.tolist() == [2]
    assert masks.tolist() == [[[1, 1, 0], [1, 0, 0]]]
    np.testing.assert_array_equal(labelled, labels != IGNORE)


def test_a_query_whose_mask_is_empty_may_look_everywhere() -> None:
    masks = torch.full((1, 2, 4, 4), -1.0)
    masks[0, 1, :2, :2] = 1
    allowed = attention_mask(masks, (2, 2))
    assert allowed.tolist() == [[[True] * 4, [True, False, False, False]]]


def test_every_place_of_a_grid_has_its_own_position() -> None:
    positions = grid_position((5, 3), torch.zeros(1, 16, 1, 1))
    assert positions.shape == (15, 16)
    assert torch.cdist(positions, positions).add(torch.eye(15)).min() > 0.1
    assert torch.equal(positions[0, :8], positions[2, :8])  # the same row
    assert torch.equal(positions, grid_position((5, 3), torch.zeros(1, 16, 1, 1, dtype=torch.bfloat16)))
