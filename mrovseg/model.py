"""MROVSeg: one CLIP at two resolutions, an adapter, two decoders and steered class tokens.

An independent implementation after arXiv 2408.14776, whose authors published no code: the parts and their order
are the paper's, the layers inside them are a reconstruction (see the README).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from mrovseg.adapter import MultiResAdapter
from mrovseg.attention import AttentionMaskDecoder, masked_attention, own_region, region_bias
from mrovseg.clip import ImageEncoder
from mrovseg.config import HeadConfig, ModelConfig
from mrovseg.decoder import MaskDecoder, PixelDecoder
from mrovseg.slices import as_map, stitch, views


def precision(device: torch.device, *, bfloat16: bool) -> torch.autocast:
    """Return what a network runs under: single precision, or matrix products and convolutions in bfloat16.

    Weights, norms, softmax and the unit vectors of queries are of single precision under both.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=bfloat16)


@dataclass(frozen=True, slots=True)
class Views:
    """What the encoder saw: patch maps by depth, of the low view and of the stitched slices, and class tokens."""

    low: dict[int, Float[Tensor, "b c g g"]]
    high: dict[int, Float[Tensor, "b c sg sg"]]
    first: dict[int, Float[Tensor, "b c"]]


@dataclass(frozen=True, slots=True)
class Predictions:
    """What the head says: a unit vector and mask logits for each query, and the masks of the earlier layers."""

    embeddings: Float[Tensor, "b q e"]
    masks: Float[Tensor, "b q y x"]
    auxiliary: list[Float[Tensor, "b q y x"]]


class Head(nn.Module):
    """All that is trained beside the CLIP: adapters, pixel decoder, mask decoder, attention-mask decoder."""

    def __init__(self, config: HeadConfig, *, channels: int, encoder_heads: int, embed_dim: int) -> None:
        """Make the layers for an encoder of `channels` wide tokens."""
        super().__init__()
        self.adapters = nn.ModuleList(
            MultiResAdapter(channels, config.width, config.switch) for _ in config.taps
        )
        self.pixel_decoder = PixelDecoder(config.width)
        self.mask_decoder = MaskDecoder(
            width=config.width, queries=config.queries, layers=config.layers, heads=config.heads
        )
        self.attention_masks = AttentionMaskDecoder(
            width=config.width,
            query_width=config.width,
            heads=encoder_heads,
            attention_width=config.attention_width,
        )
        # Only its direction counts; a short vector turns faster.
        self.no_object = nn.Parameter(0.1 * nn.functional.normalize(torch.randn(embed_dim), dim=0))


class MROVSeg(nn.Module):
    """The network. Chips go in as uint8, queries come out; text is compared with them in `proposals`."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: ModelConfig, encoder: ImageEncoder) -> None:
        """Put a head on `encoder`; the encoder's weights stay as they are."""
        super().__init__()
        self.config = config
        self.encoder = encoder
        self.head: Head | None = None
        if config.head is not None:
            self.head = Head(
                config.head,
                channels=encoder.width,
                encoder_heads=encoder.heads,
                embed_dim=int(config.clip["embed_dim"]),
            )
        self.register_buffer("mean", torch.tensor(config.mean)[:, None, None] * 255, persistent=False)
        self.register_buffer("std", torch.tensor(config.std)[:, None, None] * 255, persistent=False)

    def see(self, chips: UInt8[Tensor, "b 3 h w"], depths: set[int]) -> Views:
        """Run the encoder once on all views of the chips and lay its tokens out as maps."""
        b, side = len(chips), self.encoder.side_px
        slices_a_side = chips.shape[-1] // side
        images = views((chips - self.mean) / self.std, side_px=side)
        tokens = self.encoder(images, depths)
        return Views(
            low={d: as_map(t[:b]) for d, t in tokens.items()},
            high={d: stitch(as_map(t[b:]), slices_a_side=slices_a_side) for d, t in tokens.items()},
            first={d: t[:b, 0] for d, t in tokens.items()},
        )

    def forward(self, chips: UInt8[Tensor, "b 3 h w"]) -> Predictions:
        """Return the queries of chips whose side is a whole number of slices."""
        config, head = self.config.head, self.head
        if config is None or head is None:
            raise TypeError("this network has no trained head; use mrovseg.dense")
        tail = range(config.split, self.encoder.depth)
        with torch.no_grad():  # the encoder is frozen: only the queries' own path below has gradients
            seen = self.see(chips, {*config.taps, *tail})
        fused = [
            adapt(seen.high[d], seen.low[d]) for adapt, d in zip(head.adapters, config.taps, strict=True)
        ]
        queries, masks = head.mask_decoder(*head.pixel_decoder(fused))
        region = own_region(masks[-1], fused[-1].shape[-1])
        bias = region_bias(region, self.encoder.heads) + head.attention_masks(fused[-1], queries)
        embeddings = masked_attention(
            self.encoder,
            start=seen.first[config.split],
            low=[seen.low[d] for d in tail],
            high=[seen.high[d] for d in tail],
            bias=bias,
        )
        return Predictions(embeddings, masks[-1], masks[:-1])
