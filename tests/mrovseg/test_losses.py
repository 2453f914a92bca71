"""Losses on cases small enough for the hand."""

import math

import numpy as np
import torch

from mrovseg.decoder import attention_mask, grid_position
from mrovseg.losses import (
    class_loss,
    coverage,
    mask_losses,
    match,
    sample_points,
    soft_cross_entropy,
    true_masks,
    uncertain_points,
)


def test_coverage_is_the_share_of_a_cell() -> None:
    labels = torch.tensor([[[1, 1, 2, 0], [1, 255, 2, 2], [0, 0, 255, 255], [0, 0, 255, 255]]])
    shares, labelled = coverage(labels, classes=2, grid=2)
    assert shares[0, 0].tolist() == [[0.75, 0], [0, 0]]
    assert shares[0, 1].tolist() == [[0, 0.75], [0, 0]]
    assert labelled[0].tolist() == [[0.75, 1], [1, 0]]


def test_soft_cross_entropy_weighs_rows_by_what_they_cover() -> None:
    logits = torch.tensor([[0.0, 0.0], [math.log(3), 0.0]])
    loss = soft_cross_entropy(logits, torch.tensor([[0.5, 0.5], [0.0, 1.0]]))
    assert torch.isclose(loss, torch.tensor((math.log(2) + math.log(4)) / 2))
    half = soft_cross_entropy(logits, torch.tensor([[0.0, 0.0], [0.5, 0.0]]))
    assert torch.isclose(half, torch.tensor(math.log(4 / 3)))


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
    assert dict(zip(rows.tolist(), cols.tolist(), strict=True)) == {1: 1, 2: 0}


def test_equal_masks_are_matched_by_class() -> None:
    masks, logits = torch.ones(1, 4, 4), torch.zeros(3, 4, 4)
    scores = torch.tensor([[3.0, 0, 0], [0, 3, 0], [0, 0, 3]])
    rows, _ = match(scores, logits, torch.tensor([1]), masks, points=16)
    assert rows.tolist() == [1]


def test_no_object_counts_a_tenth() -> None:
    logits = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, math.log(2)]])
    loss = class_loss([logits], [torch.tensor([0, 2])])
    assert torch.isclose(loss, torch.tensor((math.log(3) + 0.1 * math.log(2)) / 1.1))


def test_true_masks_leave_out_other_the_unlabelled_and_the_small() -> None:
    labels = torch.tensor([[3, 3, 0], [3, 255, 1]])
    classes, masks, labelled = true_masks(labels, least_px=2)
    assert classes.tolist() == [2]
    assert masks.tolist() == [[[1, 1, 0], [1, 0, 0]]]
    np.testing.assert_array_equal(labelled, labels != 255)


def test_a_query_whose_mask_is_empty_may_look_everywhere() -> None:
    masks = torch.full((1, 2, 4, 4), -1.0)
    masks[0, 1, :2, :2] = 1
    seen = attention_mask(masks, (2, 2))
    assert seen.tolist() == [[[True] * 4, [True, False, False, False]]]


def test_every_place_of_a_grid_has_its_own_position() -> None:
    places = grid_position((5, 3), torch.zeros(1, 16, 1, 1))
    assert places.shape == (15, 16)
    assert torch.cdist(places, places).add(torch.eye(15)).min() > 0.1
    assert torch.equal(places[0, :8], places[2, :8])  # the same row
