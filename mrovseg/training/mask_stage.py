"""Second stage: the head learns masks and their classes, the CLIP frozen."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from mrovseg.data.labelled import LabelledSet
from mrovseg.data.sampling import Augmentation, sample_chip
from mrovseg.network.model import MROVSeg, Predictions
from mrovseg.training.initial_weights import TrainableNetwork
from mrovseg.training.losses import UNMATCHED, class_loss, mask_losses, match, true_masks
from mrovseg.training.stage import Losses, Stage, StageRecipe
from mrovseg.words.embedded import EmbeddedVocabulary
from mrovseg.words.embedding import embed

MIN_PX = 32  # a class with fewer pixels in a chip makes no mask
CLASS_WEIGHT, MASK_WEIGHT, DICE_WEIGHT = 2.0, 5.0, 5.0


def mask_stage(
    recipe: StageRecipe, network: TrainableNetwork, sets: Sequence[LabelledSet], *, seed: int
) -> Stage:
    """Return the second stage, which trains the head of `network` over its frozen encoders."""
    vocabularies = [
        embed(s.all_classes, network.encode, templates=network.templates, no_object=None, scale=network.scale)
        for s in sets
    ]
    known = [len(s.vocabulary.names) for s in sets]
    masks = MaskLosses(
        network.model, vocabularies, known=known, points=recipe.points, bfloat16=recipe.bfloat16
    )

    def losses(rng: np.random.Generator) -> Losses:
        size = int(rng.choice(recipe.sizes))
        chips = max(1, recipe.slices_a_step // size**2)
        return dict(masks(*masks.sample(sets, slices=size, chips=chips, rng=rng)))

    return Stage(name="masks", module=masks, recipe=recipe, seed=(seed, 1), losses=losses)


class MaskLosses(nn.Module):
    """A network, and the losses of its queries against the true masks of a set's own classes."""

    def __init__(
        self,
        model: MROVSeg,
        vocabularies: Sequence[EmbeddedVocabulary],
        *,
        known: Sequence[int],
        points: int,
        bfloat16: bool = False,
    ) -> None:
        """Take a network whose encoder is frozen.

        `vocabularies` are those of the sets, in their order; the first `known` classes of each are labelled.
        `bfloat16`: run the network, but not the losses, in half precision.
        """
        super().__init__()
        self.model = model
        self.vocabularies = vocabularies
        self.known = known
        self.points = points
        self.precision = torch.bfloat16 if bfloat16 else torch.float32

    def sample(
        self, sets: Sequence[LabelledSet], *, slices: int, chips: int, rng: np.random.Generator
    ) -> tuple[list[int], UInt8[Tensor, "b 3 h w"], Int[Tensor, "b h w"]]:
        """Sample a batch: the set indices, pixels and labels of its chips."""
        side = self.model.encoder.side_px * slices
        samples = [
            sample_chip(sets, side_px=side, rng=rng, augmentation=Augmentation()) for _ in range(chips)
        ]
        pixels = torch.from_numpy(np.stack([p for _, p, _ in samples])).permute(0, 3, 1, 2)
        return (
            [i for i, _, _ in samples],
            pixels,
            torch.from_numpy(np.stack([t for _, _, t in samples])).long(),
        )

    def forward(
        self, which: Sequence[int], chips: UInt8[Tensor, "b 3 h w"], labels: Int[Tensor, "b h w"]
    ) -> dict[str, Float[Tensor, ""]]:
        """Return the weighted losses of classes, masks and dice, the auxiliary masks' among the latter two."""
        device = self.model.mean.device
        chips, labels = chips.to(device), labels.to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=self.precision is torch.bfloat16):
            predictions = _as_float32(self.model(chips))
        class_logits, targets, masks = [], [], []
        for chip, index in enumerate(which):
            logits = self.class_logits(predictions.embeddings[chip], self.vocabularies[index])
            target, matched = self._matched(predictions, chip, logits, labels[chip])
            class_logits.append(logits)
            targets.append(target)
            masks += matched
        known = [self.known[index] for index in which]
        entropy = dice = predictions.masks.new_zeros(())
        if masks:
            entropy, dice = (torch.stack(parts).mean() for parts in zip(*masks, strict=True))
        layers = 1 + len(predictions.auxiliary)
        return {
            "class": CLASS_WEIGHT * class_loss(class_logits, targets, known),
            "mask": MASK_WEIGHT * layers * entropy,
            "dice": DICE_WEIGHT * layers * dice,
        }

    def class_logits(
        self, embeddings: Float[Tensor, "q e"], vocabulary: EmbeddedVocabulary
    ) -> Float[Tensor, "q c1"]:
        """Return the logits of classes (the best prompt's) and of no-object, the last column."""
        cosines = embeddings @ torch.from_numpy(vocabulary.vectors).to(embeddings.device).T
        index = torch.from_numpy(vocabulary.class_index).to(cosines.device).expand(len(cosines), -1)
        best = cosines.new_full((len(cosines), vocabulary.classes), -1).scatter_reduce(
            1, index, cosines, "amax"
        )
        assert self.model.head is not None  # noqa: S101 -- trained networks have one
        nothing = embeddings @ nn.functional.normalize(self.model.head.no_object, dim=0)
        return torch.cat([best, nothing[:, None]], dim=1) * vocabulary.scale

    def _matched(
        self, predictions: Predictions, chip: int, logits: Float[Tensor, "q c1"], labels: Int[Tensor, "h w"]
    ) -> tuple[Int[Tensor, " q"], list[tuple[Tensor, Tensor]]]:
        """Return each query's class, UNMATCHED where it matched no mask, and the losses of matched masks."""
        target = torch.full((len(logits),), UNMATCHED, device=logits.device)
        classes, masks, labelled = true_masks(labels, min_px=MIN_PX)
        if not len(classes):
            return target, []
        queries, true = match(logits, predictions.masks[chip], classes, masks, points=self.points)
        target[queries] = classes[true]
        truth, weight = masks[true], labelled.float().expand(len(true), -1, -1)
        layers = [*predictions.auxiliary, predictions.masks]
        return target, [
            mask_losses(layer[chip, queries], truth, weight, points=self.points) for layer in layers
        ]


def _as_float32(predictions: Predictions) -> Predictions:
    """Return predictions in single precision."""
    auxiliary = [masks.float() for masks in predictions.auxiliary]
    return Predictions(predictions.embeddings.float(), predictions.masks.float(), auxiliary)
