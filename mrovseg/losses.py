"""What training minimises: contrast of places and regions with words, then masks and their classes."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    grid_sample,
    log_softmax,
    one_hot,
)

IGNORE = 255  # pixels that no loss and no metric counts
NO_OBJECT_WEIGHT = 0.1
CLASS_COST, MASK_COST, DICE_COST = 2.0, 5.0, 5.0
OVERSAMPLE, IMPORTANCE = 3, 0.75  # point sampling of PointRend (arXiv 1912.08193)


def coverage(
    labels: Int[Tensor, "b h w"], *, classes: int, grid: int
) -> tuple[Float[Tensor, "b c g g"], Float[Tensor, "b g g"]]:
    """Return the share of each cell of a grid that each class covers, and the share that is labelled at all.

    Labels are class ids 1..classes, 0 for none of them and 255 for unlabelled.
    """
    b, h, _ = labels.shape
    cell = h // grid
    flags = one_hot(torch.where(labels == IGNORE, classes + 1, labels).long(), classes + 2)
    share = flags.float().reshape(b, grid, cell, grid, cell, classes + 2).mean(dim=(2, 4)).movedim(-1, 1)
    return share[:, 1 : classes + 1], 1 - share[:, -1]


def soft_cross_entropy(logits: Float[Tensor, "n c"], target: Float[Tensor, "n c"]) -> Float[Tensor, ""]:
    """Cross entropy against shares, weighted by how much of each row is covered."""
    weight = target.sum(dim=1)
    losses = -(target * log_softmax(logits, dim=1)).sum(dim=1)
    return losses.sum() / weight.sum().clamp_min(1e-6)


def sample_points(
    values: Float[Tensor, "n h w"], points: Float[Tensor, "n p 2"], *, mode: str = "bilinear"
) -> Tensor:
    """Read maps at points; coordinates are (x, y) in [0, 1]. Returns (n, p)."""
    grid = 2 * points[:, :, None] - 1
    return grid_sample(values[:, None], grid, mode=mode, align_corners=False, padding_mode="border")[
        :, 0, :, 0
    ]


def uncertain_points(logits: Float[Tensor, "n h w"], count: int) -> Float[Tensor, "n p 2"]:
    """Return points of which three quarters lie where the masks are least certain, and the rest anywhere."""
    n, hard = len(logits), int(IMPORTANCE * count)
    candidates = torch.rand(n, OVERSAMPLE * count, 2)
    doubt = -sample_points(logits.detach(), candidates).abs()
    chosen = doubt.topk(hard, dim=1).indices
    return torch.cat(
        [candidates.gather(1, chosen[..., None].expand(-1, -1, 2)), torch.rand(n, count - hard, 2)], dim=1
    )


def mask_losses(
    logits: Float[Tensor, "n h w"],
    masks: Float[Tensor, "n H W"],
    labelled: Float[Tensor, "n H W"],
    *,
    points: int,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Return binary cross entropy and dice of matched masks, on sampled points that are labelled."""
    at = uncertain_points(logits, points)
    predicted = sample_points(logits, at)
    target, weight = sample_points(masks, at, mode="nearest"), sample_points(labelled, at, mode="nearest")
    total = weight.sum(dim=1).clamp_min(1)
    entropy = (binary_cross_entropy_with_logits(predicted, target, reduction="none") * weight).sum(
        dim=1
    ) / total
    probability = predicted.sigmoid() * weight
    overlap = 2 * (probability * target).sum(dim=1) + 1
    dice = 1 - overlap / (probability.sum(dim=1) + (target * weight).sum(dim=1) + 1)
    return entropy.mean(), dice.mean()


def match(
    class_logits: Float[Tensor, "q c"],
    mask_logits: Float[Tensor, "q h w"],
    classes: Int[Tensor, " m"],
    masks: Float[Tensor, "m H W"],
    *,
    points: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Pair queries with true masks at the least cost (Hungarian method); return query and mask indices."""
    with torch.no_grad():
        at = torch.rand(1, points, 2)
        predicted = sample_points(mask_logits, at.expand(len(mask_logits), -1, -1))
        target = sample_points(masks, at.expand(len(masks), -1, -1), mode="nearest")
        positive = binary_cross_entropy_with_logits(predicted, torch.ones_like(predicted), reduction="none")
        negative = binary_cross_entropy_with_logits(predicted, torch.zeros_like(predicted), reduction="none")
        entropy = (positive @ target.T + negative @ (1 - target).T) / points
        probability = predicted.sigmoid()
        overlap = 2 * probability @ target.T + 1
        dice = 1 - overlap / (probability.sum(1)[:, None] + target.sum(1)[None] + 1)
        cost = -CLASS_COST * class_logits.softmax(1)[:, classes] + MASK_COST * entropy + DICE_COST * dice
    rows, cols = linear_sum_assignment(cost.numpy())
    return rows, cols


def class_loss(
    class_logits: Sequence[Float[Tensor, "q _c"]], targets: Sequence[Int[Tensor, " q"]]
) -> Float[Tensor, ""]:
    """Cross entropy over classes and no-object, the last column and weighted down; mean over chips."""
    losses = []
    for logits, target in zip(class_logits, targets, strict=True):
        weight = torch.ones(logits.shape[1])
        weight[-1] = NO_OBJECT_WEIGHT
        losses.append(cross_entropy(logits, target, weight=weight))
    return torch.stack(losses).mean()


def true_masks(
    labels: Int[Tensor, "h w"], *, least_px: int
) -> tuple[Int[Tensor, " m"], Float[Tensor, "m h w"], Bool[Tensor, "h w"]]:
    """Return the classes (0..k-1) that cover at least `least_px`, their masks, and where the chip is labelled."""
    labelled = labels != IGNORE
    present = [
        i for i in labels.unique().tolist() if i not in (0, IGNORE) and int((labels == i).sum()) >= least_px
    ]
    classes = torch.tensor(present, dtype=torch.long)
    return classes - 1, (labels[None] == classes[:, None, None]).float(), labelled
