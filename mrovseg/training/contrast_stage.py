"""First stage: an image encoder learns by contrast of patches, regions and whole images with phrases."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy

from mrovseg.data.training_data import TrainingData
from mrovseg.network.attention import masked_attention, region_bias
from mrovseg.network.clip import ImageEncoder
from mrovseg.network.config import ModelConfig
from mrovseg.network.model import EncodedViews, MROVSeg
from mrovseg.network.views.slices import as_tokens
from mrovseg.training.contrast_batch import Batch, sample_batch
from mrovseg.training.initial_weights import MAX_SCALE, Encode, TrainableNetwork
from mrovseg.training.label_space import LabelSpace
from mrovseg.training.losses import EXCLUDED_LOGIT, coverage, partial_cross_entropy
from mrovseg.training.stage import Losses, Stage, StageRecipe
from mrovseg.words.vocabulary import Vocabulary

OTHER_CAPTIONS = 256  # wrong ones for each image, besides those of its batch
MIN_COVERAGE = 0.02  # a class that covers less of a chip makes no region


def contrast_stage(recipe: StageRecipe, network: TrainableNetwork, data: TrainingData, *, seed: int) -> Stage:
    """Return the first stage, which trains the image tower of `network` and the scale."""
    side_px = network.model.encoder.side_px
    contrast = ContrastLosses(
        network.model.config,
        network.model.encoder,
        network.encode,
        network.log_scale,
        bfloat16=recipe.bfloat16,
    ).to(network.model.mean.device)

    def losses(rng: np.random.Generator) -> Losses:
        size = int(rng.choice(recipe.sizes))
        chips = max(1, recipe.slices_a_step // size**2)
        batch = sample_batch(data, side_px=side_px, slices=size, chips=chips, images=recipe.images, rng=rng)
        return dict(contrast(batch, data, rng))

    return Stage(name="contrast", module=contrast, recipe=recipe, seed=(seed, 0), losses=losses)


class ContrastLosses(nn.Module):
    """An image tower in training against frozen vectors of phrases.

    Losses are cross entropies of cosines over a set's classes, each by a phrase chosen at random: every patch of the
    low view and of the slices against the coverage of classes under it; every region, read by Multi-grained Masked
    Attention inside its true mask, against its class; every small image against its word. Images with captions are
    each contrasted with the captions of the batch and others chosen at random.
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

        `config` has a head; the tokens of regions start at the depth of its split. `bfloat16`: run the tower, but
        not the losses, in half precision.
        """
        super().__init__()
        assert config.head is not None  # noqa: S101 -- what is trained here will get one
        self.network = MROVSeg(config.headless(), encoder)
        self.log_scale = log_scale
        self.encode = encode
        self.split = config.head.split
        self.precision = torch.bfloat16 if bfloat16 else torch.float32

    def forward(
        self, batch: Batch, data: TrainingData, rng: np.random.Generator
    ) -> dict[str, Float[Tensor, ""]]:
        """Return the losses, that of words and that of captions where the data have any."""
        device, encoder = self.network.mean.device, self.network.encoder
        space, batch = LabelSpace.of(data.sets, device), batch.to(device)
        grid = batch.chips.shape[-1] // encoder.side_px * encoder.grid
        labels = space.to_columns(batch.which, batch.labels)
        coverages = coverage(labels, classes=space.own.shape[1], grid=grid)
        chip, column = (space.own[batch.which] & (coverages[:, 1:].mean(dim=(2, 3)) > MIN_COVERAGE)).nonzero(
            as_tuple=True
        )
        texts = torch.cat([self.phrase_vectors(s.all_classes, rng) for s in data.sets])
        with torch.autocast(device.type, torch.bfloat16, enabled=self.precision is torch.bfloat16):
            encoded = self.network.encode(batch.chips, set(range(self.split, encoder.depth + 1)))
            regions = self._regions(encoded, coverages, chip, column)
            images = self._images(torch.cat([batch.images, batch.captioned]))
        scale = self.log_scale.exp().clamp(max=MAX_SCALE)
        texts = texts * scale
        allowed, rest = (space.own | space.rest)[batch.which], space.rest[batch.which]
        region_logits = (regions @ texts.T).masked_fill(~allowed[chip], EXCLUDED_LOGIT)
        losses = {
            "places": self._patches(encoded, coverages, texts, allowed=allowed, rest=rest),
            "regions": cross_entropy(region_logits, column) if len(column) else scale * 0,
        }
        of_words, of_captions = images.float().split([len(batch.words), len(batch.captions)])
        if data.words is not None:
            word_logits = of_words @ (self.phrase_vectors(data.words.vocabulary, rng) * scale).T
            losses["words"] = cross_entropy(word_logits, batch.words)
        if data.captions is not None:
            losses["captions"] = self._captions(
                of_captions * scale, batch.captions, data.captions.captions, rng
            )
        return losses

    def phrase_vectors(self, vocabulary: Vocabulary, rng: np.random.Generator) -> Float[Tensor, "c e"]:
        """Return the vector of one phrase of each class, chosen at random."""
        phrases = [prompts[rng.integers(len(prompts))] for prompts in vocabulary.prompts]
        return torch.from_numpy(self.encode(phrases)).to(self.network.mean.device)

    def _images(self, images: UInt8[Tensor, "n 3 p p"]) -> Float[Tensor, "n e"]:
        """Return a unit vector of each whole image."""
        encoder = self.network.encoder
        if not len(images):
            return self.network.mean.new_zeros(0, self.network.config.clip["embed_dim"])
        tokens = encoder.tokens((images - self.network.mean) / self.network.std, {encoder.depth})[
            encoder.depth
        ]
        return encoder.project(tokens[:, 0])

    def _captions(
        self,
        vectors: Float[Tensor, "m e"],
        own: Int[Tensor, " m"],
        captions: Sequence[str],
        rng: np.random.Generator,
    ) -> Float[Tensor, ""]:
        """Contrast each image with captions; another image's caption of the same words is neither right nor wrong."""
        texts = [captions[i] for i in [*own.tolist(), *rng.integers(len(captions), size=OTHER_CAPTIONS)]]
        logits = vectors @ torch.from_numpy(self.encode(texts)).to(vectors.device).T
        same = [[text == texts[i] and i != j for j, text in enumerate(texts)] for i in range(len(own))]
        right = torch.arange(len(own), device=vectors.device)
        ignored = torch.tensor(same, device=vectors.device)
        return cross_entropy(logits.masked_fill(ignored, EXCLUDED_LOGIT), right)

    def _patches(
        self,
        encoded: EncodedViews,
        coverages: Float[Tensor, "b c1 g g"],
        texts: Float[Tensor, "c e"],
        *,
        allowed: Bool[Tensor, "b c"],
        rest: Bool[Tensor, "b c"],
    ) -> Float[Tensor, ""]:
        """Compare every patch of both views with the classes that its chip's set knows, and with what is under it."""
        encoder, losses = self.network.encoder, []
        for maps in (encoded.low(encoder.depth), encoded.high(encoder.depth)):
            tokens, under = (
                as_tokens(maps),
                as_tokens(avg_pool2d(coverages, coverages.shape[-1] // maps.shape[-1])),
            )
            logits = (encoder.project(tokens) @ texts.T).masked_fill(~allowed[:, None], EXCLUDED_LOGIT)
            rest_of_each = rest[:, None].expand(-1, tokens.shape[1], -1)
            losses.append(
                partial_cross_entropy(logits.flatten(0, 1), under.flatten(0, 1), rest_of_each.flatten(0, 1))
            )
        return torch.stack(losses).mean()

    def _regions(
        self,
        encoded: EncodedViews,
        coverages: Float[Tensor, "b c1 g g"],
        chip: Int[Tensor, " r"],
        column: Int[Tensor, " r"],
    ) -> Float[Tensor, "r e"]:
        """Return a vector for the region of each (chip, column).

        Chips with fewer regions than others are padded, and the padding is dropped.
        """
        depths = range(self.split, self.network.encoder.depth)
        counts = torch.bincount(chip, minlength=len(coverages))
        rank = torch.arange(len(chip), device=chip.device) - (counts.cumsum(0) - counts)[chip]
        masks = coverages.new_zeros(len(coverages), max(1, int(counts.max())), *coverages.shape[2:])
        masks[chip, rank] = coverages[chip, column + 1]
        vectors = masked_attention(
            self.network.encoder,
            start=encoded.first(self.split),
            low=[encoded.low(d) for d in depths],
            high=[encoded.high(d) for d in depths],
            bias=region_bias(masks, self.network.encoder.heads),
        )
        return vectors[chip, rank].float()
