"""What training minimises: contrast of patches and regions with words, then masks and their classes."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    grid_sample,
    log_softmax,
)

from mrovseg.data.labelled import IGNORE

EXCLUDED_LOGIT = -1e4  # of a class that is excluded; finite, so that 0 times it is 0
UNMATCHED = -1  # the class of a query that matched no mask
NO_OBJECT_WEIGHT = 0.1
CLASS_COST, MASK_COST, DICE_COST = 2.0, 5.0, 5.0
QUERIES_PER_MASK = 3  # that each true mask is paired with
OVERSAMPLE, IMPORTANCE = 3, 0.75  # point sampling of PointRend (arXiv 1912.08193)


def coverage(labels: Int[Tensor, "b h w"], *, classes: int, grid: int) -> Float[Tensor, "b c1 g g"]:
    """Return the fraction of each cell of a grid that each label covers: 0 (none of the classes) and 1..classes.

    Pixels labelled IGNORE are counted nowhere, so the fractions of a cell add up to what is labelled of it.
    """
    b, h, _ = labels.shape
    cell, columns = h // grid, classes + 2
    cells = torch.arange(b * grid * grid, device=labels.device).reshape(b, grid, 1, grid, 1) * columns
    columned = torch.where(labels == IGNORE, classes + 1, labels).reshape(b, grid, cell, grid, cell)
    counts = torch.bincount((cells + columned).flatten(), minlength=b * grid * grid * columns)
    fraction: Tensor = counts.reshape(b, grid, grid, columns).movedim(-1, 1)[:, : classes + 1] / cell**2
    return fraction


def partial_cross_entropy(
    logits: Float[Tensor, "n c"], coverages: Float[Tensor, "n c1"], rest: Bool[Tensor, "n c"]
) -> Float[Tensor, ""]:
    """Cross entropy against coverages, where column 0 of `coverages` stands for any one of the classes in `rest`.

    The mean over rows, weighted by how much of each is labelled. Rows without a rest learn nothing from column 0.
    """
    log_probability = log_softmax(logits, dim=1)
    any_rest = log_probability.masked_fill(~rest, EXCLUDED_LOGIT).logsumexp(dim=1)
    none = coverages[:, 0] * rest.any(dim=1)
    losses = -(coverages[:, 1:] * log_probability).sum(dim=1) - none * any_rest
    return losses.sum() / (coverages[:, 1:].sum() + none.sum()).clamp_min(1e-6)


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
    candidates = torch.rand(n, OVERSAMPLE * count, 2, device=logits.device)
    uncertainty = -sample_points(logits.detach(), candidates).abs()
    chosen = uncertainty.topk(hard, dim=1).indices
    anywhere = torch.rand(n, count - hard, 2, device=logits.device)
    return torch.cat([candidates.gather(1, chosen[..., None].expand(-1, -1, 2)), anywhere], dim=1)


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
    """Pair queries with true masks at the least cost (Hungarian method); return query and mask indices.

    Each mask is paired with several queries: masks are of classes, not of instances, so that duplicates do no harm, and
    a training of few steps needs many queries taught in each.
    """
    with torch.no_grad():
        at = torch.rand(1, points, 2, device=masks.device)
        predicted = sample_points(mask_logits, at.expand(len(mask_logits), -1, -1))
        target = sample_points(masks, at.expand(len(masks), -1, -1), mode="nearest")
        positive = binary_cross_entropy_with_logits(predicted, torch.ones_like(predicted), reduction="none")
        negative = binary_cross_entropy_with_logits(predicted, torch.zeros_like(predicted), reduction="none")
        entropy = (positive @ target.T + negative @ (1 - target).T) / points
        probability = predicted.sigmoid()
        overlap = 2 * probability @ target.T + 1
        dice = 1 - overlap / (probability.sum(1)[:, None] + target.sum(1)[None] + 1)
        cost = -CLASS_COST * class_logits.softmax(1)[:, classes] + MASK_COST * entropy + DICE_COST * dice
    rows, cols = linear_sum_assignment(np.tile(cost.cpu().numpy(), QUERIES_PER_MASK))
    return rows, cols % len(masks)


def class_loss(
    class_logits: Sequence[Float[Tensor, "q _c"]], targets: Sequence[Int[Tensor, " q"]], known: Sequence[int]
) -> Float[Tensor, ""]:
    """Cross entropy over classes and no-object, the last column; mean over chips.

    A query that matched nothing (target -1) may be any of the columns from the chip's `known` on: no-object, or what
    the set does not label. Such queries are weighted down.
    """
    losses = []
    for logits, target, first in zip(class_logits, targets, known, strict=True):
        log_probability = log_softmax(logits, dim=1)
        nothing = target == UNMATCHED
        matched = log_probability.gather(1, target.clamp_min(0)[:, None])[:, 0]
        gain = torch.where(nothing, log_probability[:, first:].logsumexp(dim=1), matched)
        weight = torch.where(nothing, NO_OBJECT_WEIGHT, 1.0)
        losses.append(-(weight * gain).sum() / weight.sum())
    return torch.stack(losses).mean()


def true_masks(
    labels: Int[Tensor, "h w"], *, min_px: int
) -> tuple[Int[Tensor, " m"], Float[Tensor, "m h w"], Bool[Tensor, "h w"]]:
    """Return the classes (0..k-1) that cover at least `min_px`, their masks, and where the chip is labelled."""
    labelled = labels != IGNORE
    present = [
        i for i in labels.unique().tolist() if i not in (0, IGNORE) and int((labels == i).sum()) >= min_px
    ]
    classes = torch.tensor(present, dtype=torch.long, device=labels.device)
    return classes - 1, (labels[None] == classes[:, None, None]).float(), labelled
