"""The networks of a training: made from nothing, and written as a checkpoint."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from mrovseg import checkpoint
from mrovseg.clip import ImageEncoder, TextEncoder, build, whiten
from mrovseg.config import ModelConfig
from mrovseg.contrast import speak
from mrovseg.data import Augmentation, LabelledSet, draw_chip
from mrovseg.model import MROVSeg
from mrovseg.vocabulary import TEMPLATES, words

WHITENING_CHIPS = 60  # 19,440 patches of 144 px slices: 25 for each of a patch's 768 values


@dataclass(frozen=True, slots=True)
class Networks:
    """A network with its head, and the text tower of its CLIP."""

    model: MROVSeg
    text: TextEncoder

    @classmethod
    def fresh(
        cls, config: ModelConfig, sets: Sequence[LabelledSet], *, seed: int, device: torch.device
    ) -> "Networks":
        """Make them on a device; all but the stem, which is fitted to chips of the sets, at random."""
        torch.manual_seed(seed)
        clip = build(config.clip)
        encoder = ImageEncoder(clip.visual)  # first: the text tower takes the CLIP's image tower away
        text = TextEncoder(clip, config.clip["text_cfg"]["context_length"])
        # Random vectors tell the words of a small vocabulary apart as well as learned ones, and a step takes a third
        # less.
        text.clip.token_embedding.requires_grad_(requires_grad=False)
        model = MROVSeg(config, encoder)
        whiten(encoder, _some_chips(model, sets, seed=seed))
        return cls(model.to(device), text.to(device))

    @property
    def scale(self) -> float:
        """What cosines are multiplied with."""
        return float(self.text.clip.logit_scale.exp().clamp(max=100))

    def freeze_clip(self) -> None:
        """End the training of both towers."""
        for tower in (self.model.encoder, self.text):
            tower.requires_grad_(requires_grad=False).eval()

    def encode_text(self, prompts: Sequence[str]) -> Float32[np.ndarray, "n e"]:
        """Return unit vectors of prompts."""
        with torch.no_grad():
            vectors: np.ndarray = speak(self.text, prompts).cpu().numpy()
        return vectors

    def save(self, path: Path, phrases: Sequence[str]) -> None:
        """Write a checkpoint: matrices in half precision, and of the token table the rows that `phrases` use."""
        model, clip = self.model, self.text.clip
        assert model.head is not None  # noqa: S101 -- trained networks have one
        used = np.zeros((clip.token_embedding.weight.shape[0], 1), np.float32)
        used[self.text.tokenize([t.format(p) for t in TEMPLATES for p in phrases]).unique().numpy()] = 1
        text_weights = checkpoint.arrays_of(clip, "text.")
        text_weights["text.token_embedding.weight"] = text_weights["text.token_embedding.weight"] * used
        weights = {
            "logit_scale": text_weights.pop("text.logit_scale"),
            **text_weights,
            **checkpoint.arrays_of(model.encoder.visual, "visual."),
            **checkpoint.arrays_of(model.head, "head."),
        }
        weights["logit_scale"] = np.minimum(weights["logit_scale"], np.float32(np.log(100)))
        halved = {key: w.astype(np.float16) if w.ndim >= 2 else w for key, w in weights.items()}  # noqa: PLR2004
        known = sorted(set().union(*map(words, [*phrases, *(t.format("") for t in TEMPLATES)])))
        checkpoint.save(path, config=model.config, weights=halved, known_words=known)


def _some_chips(model: MROVSeg, sets: Sequence[LabelledSet], *, seed: int) -> Float[Tensor, "b 3 h w"]:
    """Draw the chips whose patches the stem is fitted to."""
    rng, side = np.random.default_rng([seed, 2]), 2 * model.encoder.side_px
    drawn = [
        draw_chip(sets, side_px=side, rng=rng, augmentation=Augmentation()) for _ in range(WHITENING_CHIPS)
    ]
    pixels = torch.from_numpy(np.stack([pixels for _, pixels, _ in drawn])).permute(0, 3, 1, 2)
    return (pixels - model.mean) / model.std
