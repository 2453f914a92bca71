"""The second stage's losses: all of them always, and in half precision nearly the same."""

import numpy as np
import pytest
import torch

from mrovseg.data.labelled import LabelledImage, LabelledSet
from mrovseg.training.mask_stage import MaskLosses
from mrovseg.words.vocabulary import parse
from tests.mrovseg.networks import SMALL, network, vocabulary


def masks_training(*, bfloat16: bool = False) -> MaskLosses:
    training = MaskLosses(network(SMALL), [vocabulary(3)], known=[3], points=256, bfloat16=bfloat16)
    assert training.model.head is not None
    training.model.head.requires_grad_(requires_grad=True)
    return training


def batch(label: int | None = None) -> tuple[list[int], torch.Tensor, torch.Tensor]:
    """Draw two chips of squares of three classes, or of one label."""
    rng = np.random.default_rng(0)
    labels = rng.integers(1, 4, (8, 8), np.uint8).repeat(32, 0).repeat(32, 1)
    if label is not None:
        labels[:] = label
    pixels = (labels[..., None] * 60 + rng.integers(0, 40, (256, 256, 3))).astype(np.uint8)
    sets = [LabelledSet(parse("a; b; c"), [LabelledImage("squares", pixels, labels)])]
    return masks_training().sample(sets, slices=2, chips=2, rng=rng)


def losses_of(training: MaskLosses, label: int | None = None) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    losses: dict[str, torch.Tensor] = training(*batch(label))
    return losses


def test_half_precision_changes_the_losses_little_and_they_stay_single() -> None:
    single, half = losses_of(masks_training()), losses_of(masks_training(bfloat16=True))
    for key, loss in single.items():
        assert half[key].dtype == torch.float32
        assert float(half[key].detach()) == pytest.approx(float(loss.detach()), rel=0.05)
    assert any(not torch.equal(half[key], loss) for key, loss in single.items())


def test_chips_without_a_mask_have_every_loss_all_the_same() -> None:
    """So that all workers have the same list of them."""
    losses = losses_of(masks_training(), label=255)
    assert list(losses) == list(losses_of(masks_training()))
    assert (float(losses["mask"]), float(losses["dice"])) == (0, 0)
    training = masks_training()
    torch.stack(list(losses_of(training, label=255).values())).sum().backward()
