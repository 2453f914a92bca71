"""Training-free mode: the patch features of any CLIP, compared with text.

The last block's attention is replaced by self-self attention and its residual and MLP are dropped, after
SCLIP (arXiv 2312.01597), ClearCLIP (arXiv 2407.12442) and SegEarth-OV (arXiv 2410.01768), whose subtraction of the
class token it also takes.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate, linear, normalize

from mrovseg.network.attention import run_block
from mrovseg.network.clip import ImageEncoder
from mrovseg.network.model import EncodedViews
from mrovseg.network.views.slices import as_map, at_stride

CLASS_TOKEN_WEIGHT = 0.3  # SegEarth-OV's lambda


def chip_features(seen: EncodedViews, *, chip_px: int, stride_px: int) -> Float[Tensor, "b e y x"]:
    """Return unit vectors of what both views of chips show at a stride. `seen` must hold features."""
    low, high = seen.features_low(), seen.features_high()
    mean = (high + interpolate(low, size=high.shape[-2:], mode="bilinear", align_corners=False)) / 2
    return normalize(at_stride(mean, chip_px=chip_px, stride_px=stride_px), dim=1)


def patch_features(encoder: ImageEncoder, tokens: Float[Tensor, "b n c"]) -> Float[Tensor, "b e g g"]:
    """Return every patch's features in the space of text, less CLASS_TOKEN_WEIGHT times its view's class token.

    `tokens` are those that enter the last block.
    """
    first = class_vectors(encoder, tokens)
    local = encoder.project(self_self_attention(encoder, tokens)[:, 1:])
    return as_map(torch.cat([first, local - CLASS_TOKEN_WEIGHT * first], dim=1))


def class_vectors(encoder: ImageEncoder, tokens: Float[Tensor, "b n c"]) -> Float[Tensor, "b 1 e"]:
    """Return the views' own vectors, for which the last block is run for their class tokens alone.

    View by view: the rows of a product of few rows differ in their last bits with what stands beside them.
    """
    everywhere = tokens.new_zeros(1, encoder.heads, 1, tokens.shape[1] - 1)
    last = encoder.block(encoder.depth)
    views = tokens.split(1)
    return torch.cat(
        [encoder.project(run_block(last, view[:, :1], view[:, 1:], everywhere)) for view in views]
    )


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
