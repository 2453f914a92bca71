"""First stage: a small CLIP learns by contrast of places, regions and whole images with words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from mrovseg.attention import masked_attention, region_bias
from mrovseg.clip import ImageEncoder, TextEncoder
from mrovseg.config import ModelConfig
from mrovseg.data import Augmentation, LabelledSet, WordSet, draw_chip, draw_words
from mrovseg.losses import coverage, soft_cross_entropy
from mrovseg.model import MROVSeg, Views
from mrovseg.slices import as_tokens
from mrovseg.vocabulary import TEMPLATES, Vocabulary

LEAST_COVERAGE = 0.02  # a class that covers less of a chip is no region worth a word


@dataclass(frozen=True, slots=True)
class Batch:
    """Chips of one size with labels of their own sets, and small images of one word each."""

    which: Sequence[int]
    chips: UInt8[Tensor, "b 3 h w"]
    labels: Int[Tensor, "b h w"]
    images: UInt8[Tensor, "n 3 p p"]
    words: Int[Tensor, " n"]


class Contrast(nn.Module):
    """The CLIP in training: its image tower, its text tower and the scale of their cosines.

    Four losses, each a cross entropy of cosines over a set's classes: every patch of the low view and of the
    slices against the shares of classes under it; every region, read by Multi-grained Masked Attention inside its
    true mask, against its class; every small image against its word; every class's phrase against another phrase of
    it. Without the last one the classes' vectors stay together for long (cosines of 0.99 after 850 steps), and where
    they are equal the image tower learns nothing.
    """

    def __init__(self, config: ModelConfig, encoder: ImageEncoder, text: TextEncoder, *, split: int) -> None:
        """Put the towers together; `split` is the depth at which regions begin to read."""
        super().__init__()
        self.see = MROVSeg(config.headless(), encoder)
        self.text = text
        self.split = split

    def draw(
        self,
        sets: Sequence[LabelledSet],
        words: WordSet,
        *,
        slices: int,
        chips: int,
        images: int,
        rng: np.random.Generator,
    ) -> Batch:
        """Draw a batch."""
        side = self.see.encoder.side_px
        drawn = [
            draw_chip(sets, side_px=side * slices, rng=rng, augmentation=Augmentation()) for _ in range(chips)
        ]
        small, classes = draw_words(words, side_px=side, count=images, rng=rng, augmentation=Augmentation())
        return Batch(
            which=[index for index, _, _ in drawn],
            chips=torch.from_numpy(np.stack([pixels for _, pixels, _ in drawn])).permute(0, 3, 1, 2),
            labels=torch.from_numpy(np.stack([labels for _, _, labels in drawn])).long(),
            images=torch.from_numpy(small).permute(0, 3, 1, 2),
            words=torch.from_numpy(classes),
        )

    def forward(
        self, batch: Batch, sets: Sequence[LabelledSet], words: WordSet, rng: np.random.Generator
    ) -> dict[str, Float[Tensor, ""]]:
        """Return the four losses."""
        scale = self.text.clip.logit_scale.exp().clamp(max=100)
        vocabularies = [s.vocabulary for s in sets] + [words.vocabulary]
        vectors = self.speak(vocabularies, rng)
        encoder = self.see.encoder
        seen = self.see.see(batch.chips, set(range(self.split, encoder.depth + 1)))
        places, regions = [], []
        for chip, which in enumerate(batch.which):
            texts = vectors[which] * scale
            places += self._places(seen, chip, batch.labels[chip], texts)
            regions += self._regions(seen, chip, batch.labels[chip], texts)
        first = encoder((batch.images - self.see.mean) / self.see.std, {encoder.depth})[encoder.depth][:, 0]
        again = self.speak(vocabularies, rng)
        apart = [
            cross_entropy(a @ b.T * scale, torch.arange(len(a))) for a, b in zip(vectors, again, strict=True)
        ]
        return {
            "phrases": torch.stack(apart).mean(),
            "places": torch.stack(places).mean(),
            "regions": torch.stack(regions).mean() if regions else scale * 0,
            "words": cross_entropy(encoder.project(first) @ (vectors[-1] * scale).T, batch.words),
        }

    def speak(
        self, vocabularies: Sequence[Vocabulary], rng: np.random.Generator
    ) -> list[Float[Tensor, "c e"]]:
        """Embed one phrase of each class, a random synonym in a random template."""
        phrases = [
            TEMPLATES[rng.integers(len(TEMPLATES))].format(prompts[rng.integers(len(prompts))])
            for vocabulary in vocabularies
            for prompts in vocabulary.prompts
        ]
        return list(self.text(phrases).split([len(v.names) for v in vocabularies]))

    def _places(
        self, seen: Views, chip: int, labels: Int[Tensor, "h w"], texts: Float[Tensor, "c e"]
    ) -> list[Float[Tensor, ""]]:
        losses = []
        for maps in (seen.low, seen.high):
            last = maps[self.see.encoder.depth][chip : chip + 1]
            share, _ = coverage(labels[None], classes=len(texts), grid=last.shape[-1])
            logits = self.see.encoder.project(as_tokens(last)[0]) @ texts.T
            losses.append(soft_cross_entropy(logits, as_tokens(share)[0]))
        return losses

    def _regions(
        self, seen: Views, chip: int, labels: Int[Tensor, "h w"], texts: Float[Tensor, "c e"]
    ) -> list[Float[Tensor, ""]]:
        depths = range(self.split, self.see.encoder.depth)
        grid = seen.high[self.split].shape[-1]
        share, _ = coverage(labels[None], classes=len(texts), grid=grid)
        present = (share[0].mean(dim=(1, 2)) > LEAST_COVERAGE).nonzero()[:, 0]
        if not len(present):
            return []
        embeddings = masked_attention(
            self.see.encoder,
            start=seen.first[self.split][chip : chip + 1],
            low=[seen.low[d][chip : chip + 1] for d in depths],
            high=[seen.high[d][chip : chip + 1] for d in depths],
            bias=region_bias(share[:, present], self.see.encoder.heads),
        )
        return [cross_entropy(embeddings[0] @ texts.T, present)]
