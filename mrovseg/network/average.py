"""The baseline without learned fusion: a network of one resolution on each slice and on the low view, averaged.

After CAT-Seg's inference (arXiv 2303.11797): the network sees the slices of a chip one by one and the chip as a whole,
downsampled, and the scores of both are averaged.
"""

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from mrovseg.network.model import MROVSeg
from mrovseg.network.views.slices import stitch, views

RESOLUTIONS = 2


def propose(model: MROVSeg, chips: UInt8[Tensor, "b 3 h w"], *, top_k: int) -> dict[str, np.ndarray]:
    """Return the queries of all views of the chips; a place keeps the strongest of its slice and of the low view.

    The arrays are those of `MrovsegSegmenter.propose`, without features.
    """
    found = [_propose_chip(model, chip[None], top_k=top_k) for chip in chips]
    names = ("embeddings", "index", "weight")
    return {name: np.stack(arrays) for name, arrays in zip(names, zip(*found, strict=True), strict=True)}


def _propose_chip(
    model: MROVSeg, chip: UInt8[Tensor, "1 3 h w"], *, top_k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return embeddings (q, e), query ids (k, y, x) and weights (k, y, x) of one chip."""
    side = model.encoder.side_px
    slices_a_side = chip.shape[-1] // side
    predictions = model(views(chip.float(), side_px=side).round().to(torch.uint8))
    masks = predictions.masks.float().sigmoid()
    count = masks.shape[1]
    ids = torch.arange(len(masks), device=chip.device)[:, None, None, None] * count
    low = interpolate(masks[:1], scale_factor=slices_a_side, mode="bilinear", align_corners=False)
    low_weight, low_index = low.topk(min(top_k, count), dim=1)
    weight, index = masks[1:].topk(min(top_k, count), dim=1)
    high_index = stitch((index + ids[1:]).float(), slices_a_side=slices_a_side)
    high_weight = stitch(weight, slices_a_side=slices_a_side)
    index = torch.cat([low_index, high_index.long()], dim=1)[0]
    levels = (torch.cat([low_weight, high_weight], dim=1)[0] / RESOLUTIONS * 255).round()
    return (
        predictions.embeddings.float().flatten(0, 1).cpu().numpy(),
        index.cpu().numpy().astype(np.uint16),
        levels.to(torch.uint8).cpu().numpy(),
    )
