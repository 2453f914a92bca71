"""MROVSeg: one CLIP at two resolutions, an adapter, two decoders and steered class tokens.

An independent implementation after arXiv 2408.14776, whose authors published no code: the parts and their order
are the paper's, the layers inside them are a reconstruction (see mrovseg/README.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from mrovseg.network.adapter import MultiResAdapter
from mrovseg.network.attention import (
    AttentionMaskDecoder,
    mask_region,
    masked_attention,
    masked_pooling,
    region_bias,
)
from mrovseg.network.clip import ImageEncoder
from mrovseg.network.config import HeadConfig, ModelConfig
from mrovseg.network.decoder import MaskDecoder, PixelDecoder
from mrovseg.network.views.slices import as_map, stitch, views


def autocast(device: torch.device, *, bfloat16: bool) -> torch.autocast:
    """Return the context a network runs in: single precision, or matrix products and convolutions in bfloat16.

    Weights, norms, softmax and the unit vectors of queries are of single precision under both.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=bfloat16)


@dataclass(frozen=True, slots=True)
class EncodedViews:
    """The encoder's tokens of `chips` chips: tokens by depth, the low views' first and then the slices', row by row.

    Encoders with a convolutional stem also yield finer maps, by their stride in px of a view. `features` are the views'
    patches in the space of text, where they were asked for.
    """

    chips: int
    slices_a_side: int
    tokens: dict[int, Float[Tensor, "v n c"]]
    fine: dict[int, Float[Tensor, "v _c _y _x"]]
    features: Float[Tensor, "v e g g"] | None = None

    def low(self, depth: int) -> Float[Tensor, "b c g g"]:
        """Return the patches of the low views."""
        return as_map(self.tokens[depth][: self.chips])

    def high(self, depth: int) -> Float[Tensor, "b c sg sg"]:
        """Return the patches of the slices, stitched."""
        return stitch(as_map(self.tokens[depth][self.chips :]), slices_a_side=self.slices_a_side)

    def first(self, depth: int) -> Float[Tensor, "b c"]:
        """Return the class tokens of the low views."""
        return self.tokens[depth][: self.chips, 0]

    def fine_low(self, stride: int) -> Float[Tensor, "b _c _y _x"]:
        """Return the finer maps of the low views."""
        return self.fine[stride][: self.chips]

    def fine_high(self, stride: int) -> Float[Tensor, "b _c _y _x"]:
        """Return the finer maps of the slices, stitched."""
        return stitch(self.fine[stride][self.chips :], slices_a_side=self.slices_a_side)

    def features_low(self) -> Float[Tensor, "b e g g"]:
        """Return the patches of the low views in the space of text."""
        return self._features()[: self.chips]

    def features_high(self) -> Float[Tensor, "b e sg sg"]:
        """Return the patches of the slices in the space of text, stitched."""
        return stitch(self._features()[self.chips :], slices_a_side=self.slices_a_side)

    def _features(self) -> Float[Tensor, "v e g g"]:
        if self.features is None:
            raise TypeError("these views were encoded without features; use ChipEncoder")
        return self.features


@dataclass(frozen=True, slots=True)
class Predictions:
    """The head's output: a unit vector and mask logits for each query; in training, the earlier layers' masks too."""

    embeddings: Float[Tensor, "b q e"]
    masks: Float[Tensor, "b q y x"]
    auxiliary: list[Float[Tensor, "b q y x"]]


class Head(nn.Module):
    """All that is trained beside the CLIP: adapters, pixel decoder, mask decoder, attention-mask decoder."""

    def __init__(self, config: HeadConfig, encoder: ImageEncoder, *, embed_dim: int) -> None:
        """Make the layers for an encoder."""
        super().__init__()
        self.adapters = nn.ModuleList(
            MultiResAdapter(encoder.width, config.width, config.switch) for _ in config.taps
        )
        fine_width = config.width // 2  # a map at stride 4 has sixteen times the cells of one at stride 16
        self.fine_adapters = nn.ModuleList(
            MultiResAdapter(channels, fine_width, config.switch)
            for channels in encoder.fine_channels.values()
        )
        self.pixel_decoder = PixelDecoder(config.width, fine=[fine_width] * len(self.fine_adapters))
        self.mask_decoder = MaskDecoder(
            width=config.width, queries=config.queries, layers=config.layers, heads=config.heads
        )
        self.attention_masks = AttentionMaskDecoder(
            width=config.width,
            query_width=config.width,
            heads=encoder.heads,
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
            self.head = Head(config.head, encoder, embed_dim=int(config.clip["embed_dim"]))
        self.register_buffer("mean", torch.tensor(config.mean)[:, None, None] * 255, persistent=False)
        self.register_buffer("std", torch.tensor(config.std)[:, None, None] * 255, persistent=False)

    def encode(self, chips: UInt8[Tensor, "b 3 h w"], depths: set[int]) -> EncodedViews:
        """Run the encoder once on all views of the chips."""
        side = self.encoder.side_px
        images = views((chips - self.mean) / self.std, side_px=side)
        tokens, fine = self.encoder(images, depths)
        return EncodedViews(len(chips), chips.shape[-1] // side, tokens, fine)

    def forward(self, chips: UInt8[Tensor, "b 3 h w"]) -> Predictions:
        """Return the queries of chips whose side is a whole number of slices."""
        with torch.no_grad():  # the encoder is frozen: only the queries' own path below has gradients
            encoded = self.encode(chips, self.depths)
        return self.predict(encoded, auxiliary=True)

    @property
    def depths(self) -> set[int]:
        """The depths whose tokens the head reads."""
        config, _ = self._require_head()
        return {*config.taps, *self._read_depths()}

    def predict(self, encoded: EncodedViews, *, auxiliary: bool = False) -> Predictions:
        """Return the queries of chips whose views were encoded at all `depths`.

        `auxiliary`: with the masks of the earlier layers, which only training needs.
        """
        config, head = self._require_head()
        fused = [
            adapt(encoded.high(d), encoded.low(d))
            for adapt, d in zip(head.adapters, config.taps, strict=True)
        ]
        fine = [
            adapt(encoded.fine_high(stride), encoded.fine_low(stride))
            for adapt, stride in zip(head.fine_adapters, encoded.fine, strict=True)
        ]
        queries, masks = head.mask_decoder(*head.pixel_decoder(fused, fine), full_masks=auxiliary)
        vectors = self._query_vectors(encoded, masks[-1], fused[-1], queries)
        return Predictions(vectors, masks[-1], masks[:-1] if auxiliary else [])

    def _query_vectors(
        self,
        encoded: EncodedViews,
        masks: Float[Tensor, "b q y x"],
        fused: Float[Tensor, "b d sg sg"],
        queries: Float[Tensor, "b q d"],
    ) -> Float[Tensor, "b q e"]:
        """Return unit vectors of what the CLIP's tokens show inside the masks."""
        config, head = self._require_head()
        region = mask_region(masks, fused.shape[-1])
        depths = self._read_depths()
        low, high = ([of(d) for d in depths] for of in (encoded.low, encoded.high))
        if config.reads == "pooled":
            return masked_pooling(self.encoder, low=low[-1], high=high[-1], region=region)
        return masked_attention(
            self.encoder,
            start=encoded.first(config.split),
            low=low,
            high=high,
            bias=region_bias(region, self.encoder.heads) + head.attention_masks(fused, queries),
            views=["low", "high"] if config.reads == "both" else [config.reads],
        )

    def _read_depths(self) -> Sequence[int]:
        """Return the depths whose tokens are read for the queries."""
        config, _ = self._require_head()
        last = self.encoder.depth
        return [last] if config.reads == "pooled" else range(config.split, last)

    def _require_head(self) -> tuple[HeadConfig, Head]:
        if self.config.head is None or self.head is None:
            raise TypeError("this network has no trained head; use mrovseg.network.patches")
        return self.config.head, self.head
