"""The networks of a training: as they begin, and written as a checkpoint."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mrovseg import checkpoint
from mrovseg.clip import ImageEncoder, build
from mrovseg.config import ModelConfig
from mrovseg.model import MROVSeg
from mrovseg.sentences import SentenceEncoder
from mrovseg.stem import adopt_mobilenetv2

FIRST_SCALE, LARGEST_SCALE = 1 / 0.07, 100.0  # of cosines, as CLIP's (Radford et al. 2021)


@dataclass(frozen=True, slots=True)
class Networks:
    """A network with its head, the frozen encoder of phrases, and the logarithm of what cosines are multiplied with."""

    model: MROVSeg
    encode: SentenceEncoder
    log_scale: nn.Parameter

    @classmethod
    def fresh(
        cls, config: ModelConfig, stem: Mapping[str, Tensor] | None, *, seed: int, device: torch.device
    ) -> "Networks":
        """Make them on a device, at random but for a stem of pretrained weights (see `adopt_mobilenetv2`)."""
        torch.manual_seed(seed)
        encoder = ImageEncoder(build(config.clip).visual)
        if stem is not None:
            adopt_mobilenetv2(encoder.visual.conv1, stem)
        log_scale = nn.Parameter(torch.tensor(math.log(FIRST_SCALE), device=device))
        return cls(MROVSeg(config, encoder).to(device), SentenceEncoder(), log_scale)

    @property
    def scale(self) -> float:
        """What cosines are multiplied with."""
        return float(self.log_scale.exp().clamp(max=LARGEST_SCALE))

    def freeze_clip(self) -> None:
        """End the training of the image tower and the scale."""
        self.model.encoder.requires_grad_(requires_grad=False).eval()
        self.log_scale.requires_grad_(False)  # noqa: FBT003 -- the name is not in its signature

    def save(self, path: Path, phrases: Sequence[str]) -> None:
        """Write a checkpoint, matrices in half precision; `phrases` are those that images were compared with."""
        assert self.model.head is not None  # noqa: S101 -- trained networks have one
        weights = {
            "logit_scale": np.array(np.log(self.scale), np.float32),
            **checkpoint.arrays_of(self.model.encoder.visual, "visual."),
            **checkpoint.arrays_of(self.model.head, "head."),
        }
        halved = {key: w.astype(np.float16) if w.ndim >= 2 else w for key, w in weights.items()}  # noqa: PLR2004
        checkpoint.save(path, config=self.model.config, weights=halved, known_phrases=phrases)
