"""First stage: an image encoder learns by contrast of places, regions and whole images with phrases."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy

from mrovseg.data.sampling import Augmentation, draw_captions, draw_chip, draw_words
from mrovseg.data.training_data import TrainingData
from mrovseg.network.attention import masked_attention, region_bias
from mrovseg.network.clip import ImageEncoder
from mrovseg.network.config import ModelConfig
from mrovseg.network.model import MROVSeg, Views
from mrovseg.network.slices import as_tokens
from mrovseg.training.initial_weights import LARGEST_SCALE, Encode
from mrovseg.training.label_space import Columns
from mrovseg.training.losses import IMPOSSIBLE, coverage, partial_cross_entropy
from mrovseg.words.vocabulary import Vocabulary

OTHER_CAPTIONS = 256  # that an image is told its own caption from, besides those of its batch
LEAST_COVERAGE = 0.02  # a class that covers less of a chip is no region worth a word


@dataclass(frozen=True, slots=True)
class Batch:
    """Chips of one size with labels of their own sets, and small images of one word or one caption each.

    `words` are classes of the set of words, `captions` are places in the set of captions.
    """

    which: Int[Tensor, " b"]
    chips: UInt8[Tensor, "b 3 h w"]
    labels: Int[Tensor, "b h w"]
    images: UInt8[Tensor, "n 3 p p"]
    words: Int[Tensor, " n"]
    captioned: UInt8[Tensor, "m 3 p p"]
    captions: Int[Tensor, " m"]

    def to(self, device: torch.device) -> "Batch":
        """Return it on a device."""
        return Batch(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


class Contrast(nn.Module):
    """An image tower in training against frozen vectors of phrases.

    Losses are cross entropies of cosines over a set's classes, of which a phrase each is drawn: every patch of the low
    view and of the slices against the shares of classes under it; every region, read by Multi-grained Masked Attention
    inside its true mask, against its class; every small image against its word. Images with captions are each to find
    their own among those of the batch and others drawn.
    """

    def __init__(
        self,
        config: ModelConfig,
        encoder: ImageEncoder,
        encode: Encode,
        log_scale: nn.Parameter,
        *,
        bfloat16: bool,
    ) -> None:
        """Put image tower and phrases together; cosines are multiplied with the exponential of `log_scale`.

        `config` has a head, whose split is the depth at which regions begin to read. `bfloat16`: run the tower, but
        not the losses, in half precision.
        """
        super().__init__()
        assert config.head is not None  # noqa: S101 -- what is trained here will get one
        self.see = MROVSeg(config.headless(), encoder)
        self.log_scale = log_scale
        self.encode = encode
        self.split = config.head.split
        self.precision = torch.bfloat16 if bfloat16 else torch.float32

    def draw(
        self, data: TrainingData, *, slices: int, chips: int, images: int, rng: np.random.Generator
    ) -> Batch:
        """Draw a batch, with so many images of words, and of captions, where there are any."""
        side = self.see.encoder.side_px
        drawn = [
            draw_chip(data.sets, side_px=side * slices, rng=rng, augmentation=Augmentation())
            for _ in range(chips)
        ]
        small, classes = captioned, captions = np.zeros((0, side, side, 3), np.uint8), np.zeros(0, np.int64)
        if data.words is not None:
            small, classes = draw_words(
                data.words, side_px=side, count=images, rng=rng, augmentation=Augmentation()
            )
        if data.captions is not None:
            captioned, captions = draw_captions(
                data.captions, side_px=side, count=images, rng=rng, augmentation=Augmentation()
            )
        return Batch(
            which=torch.tensor([index for index, _, _ in drawn]),
            chips=_channels_first(np.stack([pixels for _, pixels, _ in drawn])),
            labels=torch.from_numpy(np.stack([labels for _, _, labels in drawn])).long(),
            images=_channels_first(small),
            words=torch.from_numpy(classes),
            captioned=_channels_first(captioned),
            captions=torch.from_numpy(captions),
        )

    def forward(
        self, batch: Batch, data: TrainingData, rng: np.random.Generator
    ) -> dict[str, Float[Tensor, ""]]:
        """Return the losses, that of words and that of captions where the data have any."""
        device, encoder = self.see.mean.device, self.see.encoder
        columns, batch = Columns.of(data.sets, device), batch.to(device)
        grid = batch.chips.shape[-1] // encoder.side_px * encoder.grid
        labels = columns.labelled(batch.which, batch.labels)
        shares = coverage(labels, classes=columns.own.shape[1], grid=grid)
        chip, column = (columns.own[batch.which] & (shares[:, 1:].mean(dim=(2, 3)) > LEAST_COVERAGE)).nonzero(
            as_tuple=True
        )
        texts = torch.cat([self.speak(s.spoken, rng) for s in data.sets])
        with torch.autocast(device.type, torch.bfloat16, enabled=self.precision is torch.bfloat16):
            seen = self.see.see(batch.chips, set(range(self.split, encoder.depth + 1)))
            regions = self._regions(seen, shares, chip, column)
            images = self._images(torch.cat([batch.images, batch.captioned]))
        scale = self.log_scale.exp().clamp(max=LARGEST_SCALE)
        texts = texts * scale
        allowed, rest = (columns.own | columns.rest)[batch.which], columns.rest[batch.which]
        region_logits = (regions @ texts.T).masked_fill(~allowed[chip], IMPOSSIBLE)
        losses = {
            "places": self._places(seen, shares, texts, allowed=allowed, rest=rest),
            "regions": cross_entropy(region_logits, column) if len(column) else scale * 0,
        }
        of_words, of_captions = images.float().split([len(batch.words), len(batch.captions)])
        if data.words is not None:
            word_logits = of_words @ (self.speak(data.words.vocabulary, rng) * scale).T
            losses["words"] = cross_entropy(word_logits, batch.words)
        if data.captions is not None:
            losses["captions"] = self._captions(
                of_captions * scale, batch.captions, data.captions.captions, rng
            )
        return losses

    def speak(self, vocabulary: Vocabulary, rng: np.random.Generator) -> Float[Tensor, "c e"]:
        """Return the vector of one phrase of each class."""
        phrases = [prompts[rng.integers(len(prompts))] for prompts in vocabulary.prompts]
        return torch.from_numpy(self.encode(phrases)).to(self.see.mean.device)

    def _images(self, images: UInt8[Tensor, "n 3 p p"]) -> Float[Tensor, "n e"]:
        """Return a unit vector of each whole image."""
        encoder = self.see.encoder
        if not len(images):
            return self.see.mean.new_zeros(0, self.see.config.clip["embed_dim"])
        tokens = encoder.tokens((images - self.see.mean) / self.see.std, {encoder.depth})[encoder.depth]
        return encoder.project(tokens[:, 0])

    def _captions(
        self,
        vectors: Float[Tensor, "m e"],
        own: Int[Tensor, " m"],
        captions: Sequence[str],
        rng: np.random.Generator,
    ) -> Float[Tensor, ""]:
        """Let each image find its own caption; another image's caption of the same words is neither right nor wrong."""
        texts = [captions[i] for i in [*own.tolist(), *rng.integers(len(captions), size=OTHER_CAPTIONS)]]
        logits = vectors @ torch.from_numpy(self.encode(texts)).to(vectors.device).T
        same = [[text == texts[i] and i != j for j, text in enumerate(texts)] for i in range(len(own))]
        right = torch.arange(len(own), device=vectors.device)
        hidden = torch.tensor(same, device=vectors.device)
        return cross_entropy(logits.masked_fill(hidden, IMPOSSIBLE), right)

    def _places(
        self,
        seen: Views,
        shares: Float[Tensor, "b c1 g g"],
        texts: Float[Tensor, "c e"],
        *,
        allowed: Bool[Tensor, "b c"],
        rest: Bool[Tensor, "b c"],
    ) -> Float[Tensor, ""]:
        """Compare every patch of both views with the classes that its chip's set knows, and with what is under it."""
        encoder, losses = self.see.encoder, []
        for maps in (seen.low(encoder.depth), seen.high(encoder.depth)):
            tokens, under = as_tokens(maps), as_tokens(avg_pool2d(shares, shares.shape[-1] // maps.shape[-1]))
            logits = (encoder.project(tokens) @ texts.T).masked_fill(~allowed[:, None], IMPOSSIBLE)
            rest_of_each = rest[:, None].expand(-1, tokens.shape[1], -1)
            losses.append(
                partial_cross_entropy(logits.flatten(0, 1), under.flatten(0, 1), rest_of_each.flatten(0, 1))
            )
        return torch.stack(losses).mean()

    def _regions(
        self,
        seen: Views,
        shares: Float[Tensor, "b c1 g g"],
        chip: Int[Tensor, " r"],
        column: Int[Tensor, " r"],
    ) -> Float[Tensor, "r e"]:
        """Read the region of each (chip, column); chips with fewer regions than others are filled up and cut again."""
        depths = range(self.split, self.see.encoder.depth)
        counts = torch.bincount(chip, minlength=len(shares))
        place = torch.arange(len(chip), device=chip.device) - (counts.cumsum(0) - counts)[chip]
        masks = shares.new_zeros(len(shares), max(1, int(counts.max())), *shares.shape[2:])
        masks[chip, place] = shares[chip, column + 1]
        vectors = masked_attention(
            self.see.encoder,
            start=seen.first(self.split),
            low=[seen.low(d) for d in depths],
            high=[seen.high(d) for d in depths],
            bias=region_bias(masks, self.see.encoder.heads),
        )
        return vectors[chip, place].float()


def _channels_first(images: UInt8[np.ndarray, "n y x 3"]) -> UInt8[Tensor, "n 3 y x"]:
    return torch.from_numpy(images).permute(0, 3, 1, 2)
