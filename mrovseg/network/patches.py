"""Training-free mode: the patch features of any CLIP, compared with text.

The last block's attention is replaced by self-self attention and its residual and MLP are dropped, after
SCLIP (arXiv 2312.01597), ClearCLIP (arXiv 2407.12442) and SegEarth-OV (arXiv 2410.01768), whose subtraction of the
class token it also takes.
"""

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float, UInt8, UInt16
from torch import Tensor
from torch.nn.functional import interpolate, linear, normalize

from mrovseg.labels.proposals import Proposals
from mrovseg.network.clip import ImageEncoder
from mrovseg.network.model import EncodedViews, MROVSeg
from mrovseg.network.slices import as_map, as_tokens, stitch

CLASS_TOKEN_WEIGHT = 0.3  # SegEarth-OV's lambda
CELLS_PER_PATCH = 4  # a side, as the trained head has


def depths(model: MROVSeg) -> set[int]:
    """Return the depths at which patches are read."""
    return {model.encoder.depth - 1, model.encoder.depth}


def propose(model: MROVSeg, seen: EncodedViews) -> Proposals:
    """Return the chips' patches as queries; the weights of a cell are bilinear over its four nearest patches.

    `seen` must hold the tokens at `depths`.
    """
    features = patch_features(model.encoder, seen.tokens)
    low, high = features[: seen.chips], stitch(features[seen.chips :], slices_a_side=seen.slices_a_side)
    mean = (high + interpolate(low, size=high.shape[-2:], mode="bilinear", align_corners=False)) / 2
    grid = high.shape[-1]
    index, weight = neighbours(grid, CELLS_PER_PATCH)
    batch = (seen.chips, 1, 1, 1)
    return Proposals(
        embeddings=normalize(as_tokens(mean), dim=-1).float().cpu().numpy(),
        index=np.tile(index, batch),
        weight=np.tile(weight, batch),
        stride_px=seen.slices_a_side * model.encoder.side_px / (grid * CELLS_PER_PATCH),
    )


def patch_features(
    encoder: ImageEncoder, tokens: Mapping[int, Float[Tensor, "b n c"]]
) -> Float[Tensor, "b e g g"]:
    """Return every patch's features in the space of text, less CLASS_TOKEN_WEIGHT times its view's class token.

    `tokens` are those at `depths`.
    """
    first = encoder.project(tokens[encoder.depth][:, :1])
    local = encoder.project(self_self_attention(encoder, tokens[encoder.depth - 1]))
    return as_map(torch.cat([first, local[:, 1:] - CLASS_TOKEN_WEIGHT * first], dim=1))


def self_self_attention(encoder: ImageEncoder, tokens: Float[Tensor, "b n c"]) -> Float[Tensor, "b n c"]:
    """Run the last block's attention with q.q + k.k + v.v for its weights, without residual and MLP."""
    block = encoder.block(encoder.depth)
    attention = block.attn
    h, c = attention.num_heads, attention.embed_dim
    projected = linear(block.ln_1(tokens), attention.in_proj_weight, attention.in_proj_bias)
    q, k, v = (part.unflatten(-1, (h, c // h)).transpose(1, 2) for part in projected.split(c, -1))
    weights = sum(((part @ part.mT) * (c // h) ** -0.5).softmax(-1) for part in (q, k, v))
    mixed = (weights @ v).transpose(1, 2).flatten(2)
    out: Tensor = block.ls_1(attention.out_proj(mixed))
    return out


def neighbours(grid: int, factor: int) -> tuple[UInt16[np.ndarray, "4 y x"], UInt8[np.ndarray, "4 y x"]]:
    """Return, for each cell of a grid `factor` times finer, its four nearest patches and 255 times their weights."""
    at = np.clip((np.arange(grid * factor) + 0.5) / factor - 0.5, 0, grid - 1)
    near = at.astype(np.int64)
    far = np.minimum(near + 1, grid - 1)
    part = at - near
    index, weight = [], []
    for rows, row_weight in ((near, 1 - part), (far, part)):
        for cols, col_weight in ((near, 1 - part), (far, part)):
            index.append(rows[:, None] * grid + cols)
            weight.append(np.rint(row_weight[:, None] * col_weight * 255))
    return np.stack(index).astype(np.uint16), np.stack(weight).astype(np.uint8)
