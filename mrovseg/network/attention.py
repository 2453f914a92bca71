"""Multi-grained Masked Attention: queries read the CLIP tokens of both resolutions inside their own region."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, adaptive_max_pool2d, interpolate, linear

from mrovseg.network.clip import Block, ImageEncoder
from mrovseg.network.views.slices import as_tokens

# The bias of a cell outside a region: e^-20 of its weight, and still finite under the softmax.
OUTSIDE = -20.0


class AttentionMaskDecoder(nn.Module):
    """Predict, for each query and each attention head of the encoder, where inside its mask the query should attend."""

    def __init__(self, *, width: int, query_width: int, heads: int, attention_width: int) -> None:
        """Make the two branches; the learned scale and shift begin as the identity."""
        super().__init__()
        self.heads = heads
        channels = heads * attention_width
        self.features = nn.Sequential(
            nn.Conv2d(width, width, 1),
            nn.GELU(),
            nn.Conv2d(width, width, 1),
            nn.GELU(),
            nn.Conv2d(width, channels, 1),
        )
        self.queries = nn.Sequential(
            nn.Linear(query_width, query_width), nn.GELU(), nn.Linear(query_width, attention_width)
        )
        self.scale = nn.Parameter(torch.tensor(attention_width**-0.5))
        self.shift = nn.Parameter(torch.tensor(0.0))

    def forward(
        self, fused: Float[Tensor, "b d y x"], queries: Float[Tensor, "b q d2"]
    ) -> Float[Tensor, "b h q y x"]:
        """Return the attention bias of every head and query over the fused map."""
        b, _, y, x = fused.shape
        features = self.features(fused).reshape(b, self.heads, -1, y, x)
        dots = torch.einsum("bqc,bhcyx->bhqyx", self.queries(queries), features)
        return dots * self.scale + self.shift


def region_bias(regions: Float[Tensor, "b q y x"], heads: int) -> Float[Tensor, "b h q y x"]:
    """Return the bias that keeps attention inside given regions, `regions` being coverages in [0, 1]."""
    log_coverage = regions.clamp_min(math.exp(OUTSIDE)).log()
    return log_coverage[:, None].expand(-1, heads, -1, -1, -1)


def mask_region(masks: Float[Tensor, "b q y x"], grid: int) -> Float[Tensor, "b q g g"]:
    """Return the fraction of each cell of a grid inside each query's mask; 1 everywhere where a mask is empty.

    Masks are taken as they stand: no gradient reaches their logits.
    """
    inside = adaptive_avg_pool2d((masks.detach() >= 0).float(), grid)
    return torch.where(inside.amax(dim=(2, 3), keepdim=True) > 0, inside, 1.0)


def masked_attention(
    encoder: ImageEncoder,
    *,
    start: Float[Tensor, "b c"],
    low: Sequence[Float[Tensor, "b c g g"]],
    high: Sequence[Float[Tensor, "b c sg sg"]],
    bias: Float[Tensor, "b h q sg sg"],
    views: Sequence[str] = ("low", "high"),
) -> Float[Tensor, "b q e"]:
    """Pass copies of the low view's class token through the last blocks, steered by `bias`; return unit vectors.

    `start` is the class token after block k, `low` and `high` the patch maps that enter blocks k+1..K. In a block,
    a query's logits are q.k/sqrt(d) + B over the low patches (B max-pooled to their grid), q.k/sqrt(d) + B - log s^2
    over the slices' patches, and q.k/sqrt(d) over itself; one softmax. No patch sees a query. Of `low` and `high` only
    those in `views` are read.
    """
    b, heads, count = bias.shape[:3]
    grid = low[0].shape[-1]
    log_ratio = math.log((high[0].shape[-1] / grid) ** 2)
    low_bias = adaptive_max_pool2d(bias.flatten(0, 1), grid).reshape(b, heads, count, -1)
    biases = {"low": low_bias, "high": bias.flatten(3) - log_ratio}
    read = torch.cat([biases[view] for view in views], dim=-1)
    queries = start[:, None].expand(-1, count, -1)
    first = encoder.depth - len(low) + 1
    for depth, low_map, high_map in zip(range(first, encoder.depth + 1), low, high, strict=True):
        maps = {"low": low_map, "high": high_map}
        tokens = torch.cat([as_tokens(maps[view]) for view in views], dim=1)
        queries = run_block(encoder.block(depth), queries, tokens, read)
    return encoder.project(queries)


def masked_pooling(
    encoder: ImageEncoder,
    *,
    low: Float[Tensor, "b c g g"],
    high: Float[Tensor, "b c sg sg"],
    region: Float[Tensor, "b q sg sg"],
) -> Float[Tensor, "b q e"]:
    """Return unit vectors of the mean of the last block's patches, those of both views, inside each region.

    What Multi-grained Masked Attention is compared with in the ablation.
    """
    mean = (high + interpolate(low, size=high.shape[-2:], mode="bilinear", align_corners=False)) / 2
    weight = region / region.sum(dim=(2, 3), keepdim=True)
    return encoder.project(torch.einsum("bqyx,bcyx->bqc", weight, mean))


def run_block(
    block: Block,
    queries: Float[Tensor, "b q c"],
    tokens: Float[Tensor, "b n c"],
    bias: Float[Tensor, "b h q n"],
) -> Float[Tensor, "b q c"]:
    """Run one of the encoder's own pre-norm blocks on the queries, with the tokens as their keys."""
    queries = queries + block.ls_1(_attend(block.attn, block.ln_1(queries), block.ln_1(tokens), bias))
    updated: Tensor = queries + block.ls_2(block.mlp(block.ln_2(queries)))
    return updated


def _attend(
    attention: nn.MultiheadAttention,
    queries: Float[Tensor, "b q c"],
    tokens: Float[Tensor, "b n c"],
    bias: Float[Tensor, "b h q n"],
) -> Float[Tensor, "b q c"]:
    """Attend from each query to the tokens, under the bias, and to itself."""
    h, c = attention.num_heads, attention.embed_dim

    def in_heads(values: Tensor) -> Tensor:
        split: Tensor = values.unflatten(-1, (h, c // h)).transpose(1, 2)  # b, h, n, d
        return split

    q, own_key, own_value = map(
        in_heads, linear(queries, attention.in_proj_weight, attention.in_proj_bias).split(c, -1)
    )
    key_value = linear(tokens, attention.in_proj_weight[c:], attention.in_proj_bias[c:])
    key, value = map(in_heads, key_value.split(c, -1))
    q = q * (c // h) ** -0.5
    weights = torch.cat([q @ key.mT + bias, (q * own_key).sum(-1, keepdim=True)], dim=-1).softmax(-1)
    mixed = weights[..., :-1] @ value + weights[..., -1:] * own_value
    out: Tensor = attention.out_proj(mixed.transpose(1, 2).flatten(2))
    return out
