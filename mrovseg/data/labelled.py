"""Labelled images and sets of them with one vocabulary, in memory or not."""

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int64, UInt, UInt8

from mrovseg.words.vocabulary import Vocabulary

IGNORE = 65_535  # of labels in training, which have 16 bits: pixels that no loss counts


@runtime_checkable
class ImageSource(Protocol):
    """A labelled image, in memory or not."""

    @property
    def sampling_weight(self) -> float:
        """Its sampling weight among the images of its set."""

    def load(self) -> "LabelledImage":
        """Return the image."""


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """One image's pixels and labels: class ids 1..k of its set's vocabulary, 0 none of them.

    The maximum of the labels' dtype is unlabelled: 255, or 65535 of a set with more than 254 classes.
    """

    name: str
    pixels: UInt8[np.ndarray, "y x 3"]
    labels: UInt[np.ndarray, "y x"]

    @property
    def sampling_weight(self) -> float:
        """Its sampling weight among the images of its set: by its size."""
        return float(self.labels.size)

    def load(self) -> "LabelledImage":
        """Return itself: it is in memory."""
        return self


@dataclass(frozen=True, slots=True)
class RelabelledImage:
    """A source whose labels a table translates: label i becomes `table[i]`, or unlabelled where that is -1."""

    source: ImageSource
    table: Int64[np.ndarray, " c1"]

    @property
    def sampling_weight(self) -> float:
        """Its sampling weight among the images of its set: that of its source."""
        return self.source.sampling_weight

    def load(self) -> LabelledImage:
        """Load the source and translate its labels. Raises what the source raises."""
        image = self.source.load()
        unlabelled = np.iinfo(image.labels.dtype).max
        table = np.where(self.table < 0, unlabelled, self.table).astype(image.labels.dtype)
        known = image.labels != unlabelled
        labels = np.where(known, table[np.where(known, image.labels, 0)], table.dtype.type(unlabelled))
        return LabelledImage(image.name, image.pixels, labels)


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Images of one vocabulary; `sampling_weight` is that of the set among the sets of a training.

    `rest` holds what pixels that are none of the classes may show, for sets that label only some classes. Without it
    training learns nothing from such pixels. Images that are `upright` may be mirrored, and are not turned.
    """

    vocabulary: Vocabulary
    images: Sequence[ImageSource]
    sampling_weight: float = 1.0
    rest: Vocabulary | None = None
    upright: bool = False

    @property
    def all_classes(self) -> Vocabulary:
        """The classes and, after them, those of the rest."""
        if self.rest is None:
            return self.vocabulary
        return Vocabulary(
            self.vocabulary.names + self.rest.names, self.vocabulary.prompts + self.rest.prompts
        )

    def without(self, names: Collection[str]) -> "LabelledSet":
        """Return the set without these classes: their pixels are unlabelled.

        So are those of the rest where it may show one of them. Raises VocabularyError when no class is left.
        """
        if not set(names) & set(self.all_classes.names):
            return self
        vocabulary = self.vocabulary.without(names)
        rest = None if self.rest is None or set(names) & set(self.rest.names) else self.rest
        table = np.full(1 + len(self.vocabulary.names), -1)
        if self.rest is None or rest is not None:
            table[0] = 0
        for label, name in enumerate(vocabulary.names, start=1):
            table[self.vocabulary.names.index(name) + 1] = label
        images = [RelabelledImage(image, table) for image in self.images]
        return dataclasses.replace(self, vocabulary=vocabulary, images=images, rest=rest)
