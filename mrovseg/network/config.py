"""The configuration of a network: a frozen value that is stored with its weights."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mrovseg.errors import ModelConfigError

SENTENCES = "wordllama"  # the text encoder of mrovseg.words.sentences
# A small CLIP of our own: a ViT, slices of 144 px, 3.6 M parameters in the image tower. Its stem is that of
# MobileNetV2, and its phrases are those of a frozen encoder.
TINY_CLIP: Mapping[str, Any] = {
    "embed_dim": 256,
    "vision_cfg": {"image_size": 144, "layers": 6, "width": 192, "head_width": 64, "patch_size": 16},
    "stem": "mobilenetv2",
    "text": SENTENCES,
}
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)  # Radford et al. 2021, the values open_clip defaults to
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
MIN_CHIP_PX = 1024  # a chip's side, where nobody says how many slices it has
# The largest size that is accepted: more is a damaged description, or one that means harm.
MAX_SIZES = {
    "embed_dim": 2**14,
    "image_size": 2**13,
    "patch_size": 2**10,
    "layers": 2**8,
    "width": 2**14,
    "head_width": 2**12,
    "attention_width": 2**12,
    "heads": 2**8,
    "queries": 2**13,
    "context_length": 2**13,
    "vocab_size": 2**20,
    "slices": 2**6,
    "top_k": 2**13,
}


def check_sizes(*parts: Mapping[str, Any]) -> None:
    """Check the sizes of a network's parts.

    Raises ModelConfigError for one that is no whole number from 1 to its largest (MAX_SIZES).
    """
    for part in parts:
        for key, largest in MAX_SIZES.items():
            value = part.get(key, 1)
            if type(value) is not int or not 1 <= value <= largest:
                raise ModelConfigError(
                    f"{key} of a network must be a whole number from 1 to {largest}, got {value!r}"
                )


@dataclass(frozen=True, slots=True)
class HeadConfig:
    """Sizes of the trained head; see the symbols in mrovseg/README.md.

    `switch` is what the adapters fuse, `reads` what the queries read, and an `averaged` network sees one view at a
    time (see `mrovseg.network.average`); other than "full", "both" and False they are for the ablation.
    """

    taps: tuple[int, ...]
    split: int
    width: int = 64
    queries: int = 48
    layers: int = 3
    heads: int = 4
    attention_width: int = 64
    switch: str = "full"
    reads: str = "both"
    averaged: bool = False

    def __post_init__(self) -> None:
        """Check what the decoder relies on."""
        if len(self.taps) != TAPS or self.taps[0] != 0 or list(self.taps) != sorted(set(self.taps)):
            raise ModelConfigError(
                f"taps must be four rising depths that begin at the stem (0), got {self.taps}"
            )
        if self.switch not in SWITCHES:
            raise ModelConfigError(f"switch must be one of {SWITCHES}, got {self.switch!r}")
        if self.reads not in READS:
            raise ModelConfigError(f"reads must be one of {READS}, got {self.reads!r}")


def reference_head(depth: int) -> HeadConfig:
    """Return the head for a full-size CLIP of `depth` blocks: 100 queries and nine layers, as the paper's relatives.

    Taps are the stem and the first three quarters of the depth, the last of which is the split. mrovseg/DECISIONS.md
    says what the decoder's width costs.
    """
    taps = (0, *(round(depth * quarter / TAPS) for quarter in range(1, TAPS)))
    return HeadConfig(taps=taps, split=taps[-1], width=128, queries=100, layers=9, heads=8)


def slices_for(side_px: int) -> int:
    """Return how many slices of `side_px` a chip has a side where nobody says it.

    The fewest that make a chip of at least 1024 px, and an even number: chips that overlap by half share slices too.

    >>> slices_for(144), slices_for(224), slices_for(336)
    (8, 6, 4)
    """
    return 2 * math.ceil(MIN_CHIP_PX / (2 * side_px))


TAPS = 4  # one for each level of the pixel decoder
SWITCHES = ("full", "high", "low", "half", "no-depthwise")
READS = (
    "both",
    "low",
    "high",
    "pooled",
)  # by Multi-grained Masked Attention; "pooled": the mean inside each mask


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A network: its CLIP, the shape of a chip, and its head (None: the training-free dense mode).

    `clip` is an open_clip model configuration; a chip is `slices` x `slices` slices of the encoder's
    own input size.
    """

    clip: Mapping[str, Any]
    slices: int
    head: HeadConfig | None
    top_k: int = 8
    mean: tuple[float, float, float] = CLIP_MEAN
    std: tuple[float, float, float] = CLIP_STD

    def __post_init__(self) -> None:
        """Check that a chip has slices."""
        if self.slices < 1:
            raise ModelConfigError(f"slices must be at least 1, got {self.slices}")

    @property
    def slice_px(self) -> int:
        """Side of a slice: the encoder's input size."""
        return int(self.clip["vision_cfg"]["image_size"])

    @property
    def uses_sentence_encoder(self) -> bool:
        """Whether prompts are embedded by the frozen encoder of sentences, and not by a CLIP's text tower."""
        return self.clip.get("text") == SENTENCES

    @property
    def chip_px(self) -> int:
        """Side of a chip."""
        return self.slices * self.slice_px

    def headless(self) -> "ModelConfig":
        """Return the same network without its head."""
        return dataclasses.replace(self, head=None)

    def to_dict(self) -> dict[str, Any]:
        """As plain values that JSON holds."""
        return dataclasses.asdict(self) | {"clip": dict(self.clip)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ModelConfig":
        """From `to_dict`'s plain values, JSON's lists back to tuples.

        Raises ModelConfigError for sizes that `check_sizes` refuses, KeyError, TypeError or AttributeError for other
        values.
        """
        clip, head = values["clip"], values["head"]
        check_sizes(values, clip, clip["vision_cfg"], clip.get("text_cfg", {}), head or {})
        return cls(
            clip=values["clip"],
            slices=values["slices"],
            head=None if head is None else HeadConfig(**head | {"taps": tuple(head["taps"])}),
            top_k=values["top_k"],
            mean=tuple(values["mean"]),
            std=tuple(values["std"]),
        )


TINY = ModelConfig(
    clip=TINY_CLIP,
    slices=4,
    head=HeadConfig(taps=(0, 2, 4, 6), split=4),
    mean=(127 / 255,) * 3,  # what the stem's weights were trained with, to (x - 127) / 127.5
    std=(0.5,) * 3,
)
