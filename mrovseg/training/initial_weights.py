"""The network of a training: its initial weights, and its checkpoint."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn

from mrovseg.network.clip import ImageEncoder, build
from mrovseg.network.config import TINY, HeadConfig, reference_head
from mrovseg.network.model import MROVSeg
from mrovseg.network.stem import load_mobilenetv2
from mrovseg.weights import checkpoint, encoding, loading
from mrovseg.weights.checkpoint import Checkpoint
from mrovseg.words.background import Classes
from mrovseg.words.embedding import BARE_TEMPLATE
from mrovseg.words.sentences import SentenceEncoder

INITIAL_SCALE, MAX_SCALE = 1 / 0.07, 100.0  # of cosines, as CLIP's (Radford et al. 2021)
Encode: TypeAlias = Callable[[Sequence[str]], Float32[np.ndarray, "n e"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class InitialWeights:
    """Where the weights of a training come from.

    Without a `source`, the tiny network at random, but for the weights of its `stem` (see `load_mobilenetv2`) where
    they are given. With one, that checkpoint's encoders, which stay as they are, and a fresh head: `head`, or one like
    the checkpoint's own, or where that has none the reference head.
    """

    stem: Mapping[str, Tensor] | None = None
    source: Checkpoint | None = None
    head: HeadConfig | None = None


@dataclass(frozen=True, slots=True)
class TrainableNetwork:
    """A network in training: with its head, the frozen text encoder, and the logarithm of the scale of cosines.

    `frozen` are the weights, named as in a checkpoint, of encoders that come from another checkpoint.
    """

    model: MROVSeg
    encode: Encode
    templates: tuple[str, ...]
    log_scale: nn.Parameter
    frozen: Mapping[str, np.ndarray]

    @classmethod
    def create(cls, initial: InitialWeights, *, seed: int, device: torch.device) -> "TrainableNetwork":
        """Make the network on a device, with fresh weights drawn by `seed`."""
        torch.manual_seed(seed)
        if initial.source is not None:
            return cls._on_checkpoint(initial.source, initial.head, device)
        encoder = ImageEncoder(build(TINY.clip).visual)
        if initial.stem is not None:
            load_mobilenetv2(encoder.visual.conv1, initial.stem)
        log_scale = nn.Parameter(torch.tensor(math.log(INITIAL_SCALE), device=device))
        config = dataclasses.replace(TINY, head=initial.head or TINY.head)
        return cls(MROVSeg(config, encoder).to(device), SentenceEncoder(), BARE_TEMPLATE, log_scale, {})

    @classmethod
    def _on_checkpoint(
        cls, source: Checkpoint, head: HeadConfig | None, device: torch.device
    ) -> "TrainableNetwork":
        """Put a fresh head on a checkpoint's frozen encoders, whose weights are not copied."""
        encoder = ImageEncoder.from_weights(
            source.config.clip, loading.weights_under(source.weights, "visual.")
        )
        head = head or source.config.head or reference_head(encoder.depth)
        model = MROVSeg(dataclasses.replace(source.config, head=head), encoder.eval())
        frozen = {name: array for name, array in source.weights.items() if not name.startswith("head.")}
        log_scale = nn.Parameter(torch.tensor(math.log(source.scale)), requires_grad=False)
        return cls(
            model.to(device), partial(encoding.encode_text, source), source.templates, log_scale, frozen
        )

    @property
    def scale(self) -> float:
        """What cosines are multiplied with."""
        return float(self.log_scale.detach().exp().clamp(max=MAX_SCALE))

    def freeze_clip(self) -> None:
        """Freeze the image tower and the scale."""
        self.model.encoder.requires_grad_(requires_grad=False).eval()
        self.log_scale.requires_grad_(False)  # noqa: FBT003 -- the name is not in its signature

    def save(
        self,
        path: Path,
        *,
        known: Sequence[str] | None,
        taught: Sequence[str],
        sets: Sequence[Classes] = (),
        kinds: Classes = (),
    ) -> None:
        """Write a checkpoint; `known` are the phrases that images were compared with, `taught` those with masks.

        `sets` and `kinds` are the checkpoint's `known_sets` and `known_kinds`.

        Matrices that were trained are in half precision, those of another checkpoint as they were.
        """
        assert self.model.head is not None  # noqa: S101 -- a network in training has one
        weights = {
            "logit_scale": np.array(np.log(self.scale), np.float32),
            **loading.module_weights(self.model.encoder.visual, "visual."),
            **loading.module_weights(self.model.head, "head."),
        }
        halved = {key: w.astype(np.float16) if w.ndim >= 2 else w for key, w in weights.items()}  # noqa: PLR2004
        checkpoint.save(
            path,
            config=self.model.config,
            weights={**halved, **self.frozen},
            known_phrases=known,
            taught_phrases=taught,
            known_sets=sets,
            known_kinds=kinds,
        )
