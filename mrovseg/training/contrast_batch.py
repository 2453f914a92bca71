"""Batches of the first stage: chips with labels, and small images of one word or one caption."""

from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from mrovseg.data.sampling import Augmentation, sample_captions, sample_chip, sample_words
from mrovseg.data.training_data import TrainingData


@dataclass(frozen=True, slots=True)
class Batch:
    """Chips of one size with labels of their own sets, and small images of one word or one caption each.

    `words` are class indices in the set of words, `captions` are indices in the set of captions.
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


def sample_batch(
    data: TrainingData, *, side_px: int, slices: int, chips: int, images: int, rng: np.random.Generator
) -> Batch:
    """Sample `chips` chips, and `images` images each of words and of captions where the data have any.

    `side_px` is the side of the images and of a slice; a chip has `slices` slices a side.
    """
    varied = Augmentation()
    samples = [
        sample_chip(data.sets, side_px=side_px * slices, rng=rng, augmentation=varied) for _ in range(chips)
    ]
    empty = np.zeros((0, side_px, side_px, 3), np.uint8), np.zeros(0, np.int64)
    (small, classes), (captioned, captions) = empty, empty
    if data.words is not None:
        small, classes = sample_words(data.words, side_px=side_px, count=images, rng=rng, augmentation=varied)
    if data.captions is not None:
        captioned, captions = sample_captions(
            data.captions, side_px=side_px, count=images, rng=rng, augmentation=varied
        )
    return Batch(
        which=torch.tensor([index for index, _, _ in samples]),
        chips=_channels_first(np.stack([pixels for _, pixels, _ in samples])),
        labels=torch.from_numpy(np.stack([labels for _, _, labels in samples])).long(),
        images=_channels_first(small),
        words=torch.from_numpy(classes),
        captioned=_channels_first(captioned),
        captions=torch.from_numpy(captions),
    )


def _channels_first(images: UInt8[np.ndarray, "n y x 3"]) -> UInt8[Tensor, "n 3 y x"]:
    return torch.from_numpy(images).permute(0, 3, 1, 2)
