"""Pixel decoder and mask decoder: from the adapted taps to the masks of learned queries."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool2d


class PixelDecoder(nn.Module):
    """A plain feature pyramid (Lin et al. 2017) over strides patch/4, patch/2, patch and 2*patch."""

    def __init__(self, width: int, *, fine: Sequence[int] = ()) -> None:
        """Make the layers; `width` is a multiple of 8, `fine` are the channels of finer maps at the first strides."""
        super().__init__()
        self.fine = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in fine)
        self.finest = nn.ConvTranspose2d(width, width, 4, stride=4)
        self.finer = nn.ConvTranspose2d(width, width, 2, stride=2)
        self.lateral = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(4))
        self.smooth = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.GroupNorm(8, width), nn.GELU())
            for _ in range(4)
        )
        self.mask_features = nn.Conv2d(width, width, 1)

    def forward(
        self, taps: Sequence[Float[Tensor, "b d y x"]], fine: Sequence[Float[Tensor, "b _c _y _x"]] = ()
    ) -> tuple[list[Tensor], Float[Tensor, "b d y4 x4"]]:
        """Return the levels, coarsest first and without the finest, and the mask features at stride patch/4.

        `fine` are maps of an encoder's stem, finest first, that join the taps brought to their strides.
        """
        maps = [self.finest(taps[0]), self.finer(taps[1]), taps[2], max_pool2d(taps[3], 2)]
        for i, (to_width, features) in enumerate(zip(self.fine, fine, strict=True)):
            maps[i] = maps[i] + to_width(features)
        level = self.smooth[3](self.lateral[3](maps[3]))
        levels = [level]
        for i in (2, 1, 0):
            above = interpolate(level, size=maps[i].shape[-2:], mode="bilinear", align_corners=False)
            level = self.smooth[i](self.lateral[i](maps[i]) + above)
            levels.append(level)
        return levels[:-1], self.mask_features(level)


class MaskDecoder(nn.Module):
    """Learned queries that attend inside their last mask, as Mask2Former's decoder (arXiv 2112.01527)."""

    def __init__(self, *, width: int, queries: int, layers: int, heads: int) -> None:
        """Make the layers and the learned queries."""
        super().__init__()
        # Of unit variance: with 0.02 the queries stay alike and no-object wins nearly everywhere.
        self.feature = nn.Parameter(torch.randn(queries, width))
        self.position = nn.Parameter(torch.randn(queries, width))
        self.level = nn.Parameter(torch.zeros(3, width))
        self.layers = nn.ModuleList(MaskDecoderLayer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.to_mask = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width)
        )

    def forward(
        self,
        levels: Sequence[Float[Tensor, "b d _y _x"]],
        mask_features: Float[Tensor, "b d y x"],
        *,
        full_masks: bool,
    ) -> tuple[Float[Tensor, "b q d"], list[Float[Tensor, "b q _y _x"]]]:
        """Return the queries and the mask logits before each layer and after the last, which are the result.

        Without `full_masks` those before a layer are only of the size of the level that it reads: interpolation is
        linear, so that of the features serves as well as that of the masks, but for roundings.
        """
        queries = self.feature.expand(len(mask_features), -1, -1)
        read = [mask_features if full_masks else _resized(mask_features, level) for level in levels]
        masks = []
        for i, layer in enumerate(self.layers):
            features = levels[i % len(levels)]
            size = (features.shape[-2], features.shape[-1])
            masks.append(self.masks(queries, read[i % len(levels)]))
            allowed = attention_mask(masks[-1], size)
            tokens = (features + self.level[i % len(levels)][:, None, None]).flatten(2).mT
            position = grid_position(size, features)
            queries = layer(
                queries, tokens, query_position=self.position, token_position=position, blocked=~allowed
            )
        masks.append(self.masks(queries, mask_features))
        return self.norm(queries), masks

    def masks(
        self, queries: Float[Tensor, "b q d"], features: Float[Tensor, "b d y x"]
    ) -> Float[Tensor, "b q y x"]:
        """Return the mask logits of queries."""
        return torch.einsum("bqd,bdyx->bqyx", self.to_mask(self.norm(queries)), features)


class MaskDecoderLayer(nn.Module):
    """Masked cross-attention, self-attention and a feed-forward net, each normed after its sum."""

    def __init__(self, width: int, heads: int) -> None:
        """Make the layers."""
        super().__init__()
        self.cross = nn.MultiheadAttention(width, heads, batch_first=True)
        self.own = nn.MultiheadAttention(width, heads, batch_first=True)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))

    def forward(
        self,
        queries: Float[Tensor, "b q d"],
        tokens: Float[Tensor, "b n d"],
        *,
        query_position: Float[Tensor, "q d"],
        token_position: Float[Tensor, "n d"],
        blocked: Bool[Tensor, "b q n"],
    ) -> Float[Tensor, "b q d"]:
        """Update the queries from each other and from `tokens`, but for those that are `blocked` for a query."""
        mask = blocked.repeat_interleave(self.cross.num_heads, dim=0)
        read = self.cross(
            queries + query_position, tokens + token_position, tokens, attn_mask=mask, need_weights=False
        )[0]
        queries = self.norms[0](queries + read)
        positioned = queries + query_position
        queries = self.norms[1](queries + self.own(positioned, positioned, queries, need_weights=False)[0])
        updated: Tensor = self.norms[2](queries + self.feed(queries))
        return updated


def _resized(maps: Float[Tensor, "b d _y _x"], like: Float[Tensor, "b d y x"]) -> Float[Tensor, "b d y x"]:
    return interpolate(maps, size=like.shape[-2:], mode="bilinear", align_corners=False)


def attention_mask(masks: Float[Tensor, "b q y x"], size: tuple[int, int]) -> Bool[Tensor, "b q n"]:
    """Return which tokens each query may attend to: those inside its last mask; all if that is empty."""
    inside = (interpolate(masks.detach(), size=size, mode="bilinear", align_corners=False) >= 0).flatten(2)
    return inside | ~inside.any(dim=-1, keepdim=True)


def grid_position(size: tuple[int, int], like: Tensor) -> Float[Tensor, "n d"]:
    """Return sine and cosine embeddings of the cells of a grid (Carion et al. 2020, two axes, width a half each).

    Coordinates run over [0, 2 pi] across the chip, so that grids of different strides agree.
    """
    quarter = like.shape[1] // 4
    # In single precision even where features are in half: the phases reach 200 pi.
    frequency = 100.0 ** (torch.arange(quarter, device=like.device, dtype=torch.float32) / quarter)
    axes = [2 * torch.pi * (torch.arange(n, device=like.device, dtype=torch.float32) + 0.5) / n for n in size]
    y, x = (axis[:, None] * frequency for axis in axes)
    along_y = torch.cat([y.sin(), y.cos()], dim=1)[:, None].expand(-1, size[1], -1)
    along_x = torch.cat([x.sin(), x.cos()], dim=1)[None].expand(size[0], -1, -1)
    return torch.cat([along_y, along_x], dim=2).flatten(0, 1)
