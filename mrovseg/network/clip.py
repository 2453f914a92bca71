"""The door to open_clip: an image encoder whose tokens can be read after any block, and a text encoder."""

import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mrovseg.errors import CheckpointError, ModelConfigError
from mrovseg.network.stem import FINE_CHANNELS, ConvStem

try:
    import torchvision  # noqa: F401 -- tried only for the fault below
except RuntimeError as fault:  # a CUDA build of torchvision beside a CPU build of torch
    if "torchvision::nms" not in str(fault):
        raise
    # torchvision registers meta kernels for two operators whose declarations sit in a library that a CPU torch
    # cannot load. Declaring them is enough for the import; calling them still raises.
    _DECLARED = torch.library.Library("torchvision", "DEF")
    _DECLARED.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _DECLARED.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import open_clip
from open_clip.model import resize_pos_embed
from open_clip.transformer import ResidualAttentionBlock, VisionTransformer

Block: TypeAlias = ResidualAttentionBlock
NO_TEXT = {"context_length": 1, "vocab_size": 1, "width": 8, "heads": 1, "layers": 1}


def build(config: Mapping[str, Any]) -> "open_clip.CLIP":
    """Build a CLIP with fresh weights from an open_clip configuration.

    Two keys go beyond open_clip: with `stem: mobilenetv2` that network's layers embed the patches, not one convolution,
    and without a `text_cfg` the text tower is as small as it can be and is not used.
    """
    fields = {"text_cfg": NO_TEXT} | {
        k: v for k, v in config.items() if k in ("embed_dim", "vision_cfg", "text_cfg", "quick_gelu")
    }
    clip = open_clip.CLIP(**fields)
    if config.get("stem"):
        clip.visual.conv1 = ConvStem(clip.visual.conv1.out_channels)
    return clip


def build_on_meta(config: Mapping[str, Any]) -> "open_clip.CLIP":
    """Build a CLIP on the meta device, without weights.

    Raises CheckpointError when open_clip cannot: its errors for wrong values are of many kinds.
    """
    try:
        with torch.device("meta"):
            return build(config)
    except (TypeError, ValueError, ArithmeticError, AssertionError, AttributeError, RuntimeError) as fault:
        raise CheckpointError(f"open_clip cannot build the network that is described: {fault}") from fault


class ImageEncoder(nn.Module):
    """The image tower of a CLIP, whose tokens can be read after any block.

    Depth 0 is the stem (patch embedding, positions, first norm); depth i is the output of block i.
    """

    def __init__(self, visual: nn.Module) -> None:
        """Wrap a tower. Raises ModelConfigError unless it is a plain ViT that pools its class token."""
        super().__init__()
        if (
            not isinstance(visual, VisionTransformer)
            or visual.pool_type != "tok"
            or visual.attn_pool is not None
        ):
            raise ModelConfigError(
                f"the encoder must be a ViT with a class token, got {type(visual).__name__}"
            )
        if not all(isinstance(block, ResidualAttentionBlock) for block in visual.transformer.resblocks):
            raise ModelConfigError("the encoder's blocks must be plain pre-norm attention blocks")
        self.visual = visual
        self.views_at_once: int | None = None  # all; fewer where a device has no room for them

    @classmethod
    def from_weights(cls, config: Mapping[str, Any], weights: Mapping[str, np.ndarray]) -> "ImageEncoder":
        """Build on the meta device and use `weights` without a copy (they may be read-only shared memory).

        Raises CheckpointError when open_clip cannot build the network, or when the weights do not fit it.
        """
        visual = build_on_meta(config).visual
        assign_weights(visual, weights)
        return cls(visual)

    @property
    def side_px(self) -> int:
        """Side of an input."""
        return int(self.visual.image_size[0])

    @property
    def grid(self) -> int:
        """Patches a side."""
        return int(self.visual.grid_size[0])

    @property
    def width(self) -> int:
        """Channels of a token."""
        return int(self.visual.transformer.width)

    @property
    def heads(self) -> int:
        """Attention heads of a block."""
        return int(self.block(1).attn.num_heads)

    @property
    def depth(self) -> int:
        """Number of blocks."""
        return len(self.visual.transformer.resblocks)

    @property
    def fine_channels(self) -> dict[int, int]:
        """Channels of the maps that the stem yields beside the tokens, by their stride in px."""
        return FINE_CHANNELS if isinstance(self.visual.conv1, ConvStem) else {}

    def block(self, depth: int) -> Block:
        """Return block `depth`, counted from 1, the one whose output is depth `depth`."""
        return self.visual.transformer.resblocks[depth - 1]

    def stem(self, images: Float[Tensor, "b 3 p p"]) -> tuple[Float[Tensor, "b n c"], dict[int, Tensor]]:
        """Embed normalised images: the class token first, then the patches row by row; and the finer maps."""
        vit = self.visual
        patches, fine = (
            vit.conv1.with_fine(images) if isinstance(vit.conv1, ConvStem) else (vit.conv1(images), {})
        )
        first = vit.class_embedding.expand(len(images), 1, -1)
        tokens = torch.cat([first, patches.flatten(2).mT], dim=1) + vit.positional_embedding
        return vit.ln_pre(tokens), fine

    def tokens(
        self, images: Float[Tensor, "b 3 p p"], depths: Collection[int]
    ) -> dict[int, Float[Tensor, "b n c"]]:
        """Return the tokens at each of `depths`; blocks past the last of them are not run."""
        tokens: dict[int, Tensor] = self(images, depths)[0]
        return tokens

    def forward(
        self, images: Float[Tensor, "b 3 p p"], depths: Collection[int]
    ) -> tuple[dict[int, Float[Tensor, "b n c"]], dict[int, Float[Tensor, "b _c _y _x"]]]:
        """Return what `tokens` does, and the stem's finer maps by their stride in px."""
        parts = [self._run(part, depths) for part in images.split(self.views_at_once or len(images))]
        if len(parts) == 1:
            return parts[0]
        kept, fine = (
            {key: torch.cat([part[key] for part in found]) for key in found[0]}
            for found in zip(*parts, strict=True)
        )
        return kept, fine

    def _run(
        self, images: Float[Tensor, "b 3 p p"], depths: Collection[int]
    ) -> tuple[dict[int, Float[Tensor, "b n c"]], dict[int, Float[Tensor, "b _c _y _x"]]]:
        tokens, fine = self.stem(images)
        kept = {}
        for depth in range(max(depths) + 1):
            tokens = self.block(depth)(tokens) if depth else tokens
            if depth in depths:
                kept[depth] = tokens
        return kept, fine

    def project(self, tokens: Float[Tensor, "*b c"]) -> Float[Tensor, "*b e"]:
        """Map tokens of the last block to unit vectors of the space shared with text, in single precision."""
        return nn.functional.normalize((self.visual.ln_post(tokens) @ self.visual.proj).float(), dim=-1)


class TextEncoder(nn.Module):
    """The text tower of a CLIP with its tokenizer."""

    def __init__(self, model: "open_clip.CLIP", context: int) -> None:
        """Take the text parts of `model`; `context` is the number of tokens a prompt is cut to."""
        super().__init__()
        self.clip = model
        self.clip.visual = nn.Identity()
        self.tokenizer = open_clip.SimpleTokenizer(context_length=context)

    def tokenize(self, prompts: Sequence[str]) -> Int[Tensor, "b n"]:
        """Return token ids, the end token last and then zeros."""
        ids: Tensor = self.tokenizer(list(prompts))
        return ids

    def forward(self, prompts: Sequence[str]) -> Float[Tensor, "b e"]:
        """Return unit vectors of prompts."""
        vectors: Tensor = self.clip.encode_text(self.tokenize(prompts), normalize=True)
        return vectors


def resize_positions(state: dict[str, Tensor], network: "open_clip.CLIP") -> None:
    """Interpolate the positions in a state dict, in place, to the grid of `network`'s patches, as open_clip does."""
    resize_pos_embed(state, network)


def assign_weights(module: nn.Module, weights: Mapping[str, np.ndarray]) -> None:
    """Let `module`, built on the meta device, use the memory of `weights`.

    Raises CheckpointError naming missing and unexpected keys.
    """
    with warnings.catch_warnings():
        # The arrays may be read-only (shared by all actors of a node). Nothing writes to weights at inference.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
    try:
        module.load_state_dict(tensors, assign=True)
    except RuntimeError as fault:
        reason = " ".join(str(fault).split())
        raise CheckpointError(
            f"the weights do not fit the network they are said to be of: {reason}"
        ) from fault
    module.requires_grad_(requires_grad=False)
