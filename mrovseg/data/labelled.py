"""Training and evaluation data: labelled images with their own vocabularies, and small images of one word each."""

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int64, Integer, UInt, UInt8

from mrovseg.data.captions import CaptionSet
from mrovseg.data.definition import Definition
from mrovseg.data.layout import Segments, categories
from mrovseg.data.reader import Reader
from mrovseg.errors import DataError
from mrovseg.words.vocabulary import Vocabulary

MOST_KNOWN_CAPTIONS = 2000  # of those that a checkpoint remembers


@runtime_checkable
class Source(Protocol):
    """Where a labelled image comes from, in memory or not."""

    @property
    def weight(self) -> float:
        """How often it is drawn, beside the others of its set."""

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
    def weight(self) -> float:
        """How often it is drawn, beside the others of its set: by its size."""
        return float(self.labels.size)

    def load(self) -> "LabelledImage":
        """Return itself: it is in memory."""
        return self


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """An image and its mask, read each time they are drawn: for sets that no memory holds."""

    definition: Definition
    image: Path
    mask: Path
    reader: Reader
    segments: Segments | None = None

    @property
    def weight(self) -> float:
        """How often it is drawn: as often as any other, because its size is not known."""
        return 1.0

    def load(self) -> LabelledImage:
        """Read both files. Raises DataError as `read_pairs`."""
        (image,) = read_pairs(self.definition, [self.image], [self.mask], self.segments, reader=self.reader)
        return image


@dataclass(frozen=True, slots=True)
class Relabelled:
    """A source whose labels a table translates: label i becomes `table[i]`, or unlabelled where that is -1."""

    source: Source
    table: Int64[np.ndarray, " c1"]

    @property
    def weight(self) -> float:
        """How often it is drawn: as often as its source."""
        return self.source.weight

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
    """Images that share a vocabulary; `share` is how often training draws from it.

    `rest` holds what pixels that are none of the classes may show, for sets that label only some classes. Without it
    training learns nothing from such pixels. Images that are `upright` may be mirrored, and are not turned.
    """

    vocabulary: Vocabulary
    images: Sequence[Source]
    share: float = 1.0
    rest: Vocabulary | None = None
    upright: bool = False

    @property
    def spoken(self) -> Vocabulary:
        """The classes and, after them, those of the rest."""
        if self.rest is None:
            return self.vocabulary
        return Vocabulary(
            self.vocabulary.names + self.rest.names, self.vocabulary.prompts + self.rest.prompts
        )

    def without(self, names: Collection[str]) -> "LabelledSet":
        """Return the set as if nobody had labelled or named these classes: their pixels are unlabelled.

        So are those of the rest where it may show one of them. Raises VocabularyError when no class is left.
        """
        if not set(names) & set(self.spoken.names):
            return self
        vocabulary = self.vocabulary.without(names)
        rest = None if self.rest is None or set(names) & set(self.rest.names) else self.rest
        table = np.full(1 + len(self.vocabulary.names), -1)
        if self.rest is None or rest is not None:
            table[0] = 0
        for label, name in enumerate(vocabulary.names, start=1):
            table[self.vocabulary.names.index(name) + 1] = label
        images = [Relabelled(image, table) for image in self.images]
        return dataclasses.replace(self, vocabulary=vocabulary, images=images, rest=rest)


@dataclass(frozen=True, slots=True)
class WordSet:
    """Small images of one class each, for contrast with words; `classes[i]` is image i's class, from 0."""

    vocabulary: Vocabulary
    images: Sequence[UInt8[np.ndarray, "y x 3"]]
    classes: Sequence[int]


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What is learned from: labelled images for both stages, words and captions of whole images for the first."""

    sets: Sequence[LabelledSet]
    words: WordSet | None = None
    captions: CaptionSet | None = None

    @property
    def phrases(self) -> list[str]:
        """Every prompt of every class and of the rests, and captions spread evenly over all of them; sorted."""
        vocabularies = [s.spoken for s in self.sets] + ([self.words.vocabulary] if self.words else [])
        said = sorted(set(self.captions.captions)) if self.captions else []
        some = said[:: -(-len(said) // MOST_KNOWN_CAPTIONS)] if said else []
        return sorted(_prompts(vocabularies) | set(some))

    @property
    def known_sets(self) -> list[tuple[tuple[str, ...], ...]]:
        """The classes into which each set divides its images, by their prompts; the same ones once."""
        return list(dict.fromkeys(s.spoken.prompts for s in self.sets))

    @property
    def known_kinds(self) -> tuple[tuple[str, ...], ...]:
        """The classes of whole images, by their prompts."""
        return self.words.vocabulary.prompts if self.words else ()

    @property
    def taught(self) -> list[str]:
        """Every prompt of every class that has masks; sorted."""
        return sorted(_prompts([s.vocabulary for s in self.sets]))


def _prompts(vocabularies: Sequence[Vocabulary]) -> set[str]:
    return {phrase for v in vocabularies for prompts in v.prompts for phrase in prompts}


def read_pairs(
    definition: Definition,
    images: Sequence[Path],
    masks: Sequence[Path],
    segments: Segments | None = None,
    *,
    reader: Reader,
) -> Iterator[LabelledImage]:
    """Read image and mask files in pairs; panoptic masks need their `segments`. What has no data is unlabelled.

    Raises DataError when a pair does not fit, or a mask is not of the kind that the definition speaks of.
    """
    for image, mask in zip(images, masks, strict=True):
        pixels, valid = reader.image(image)
        labels = definition.labels_of(_read_mask(definition, mask, segments, reader))
        if labels.shape != pixels.shape[:2]:
            raise DataError(
                f"{mask} is {labels.shape} px, its image {image} is {pixels.shape[:2]}; they must be equal"
            )
        labels = np.where(valid, labels, np.iinfo(labels.dtype).max)
        yield LabelledImage(image.stem, pixels, labels)


def _read_mask(
    definition: Definition, file: Path, segments: Segments | None, reader: Reader
) -> Integer[np.ndarray, "y x *c"]:
    if not definition.panoptic and not definition.coloured:
        levels = reader.levels(file)
        if levels.ndim > 2:  # noqa: PLR2004 -- rows and columns
            raise DataError(f"{file} has colours; masks of {definition.name} have one level a pixel")
        return levels
    if not definition.panoptic:
        return reader.colours(file)
    if segments is None or file.name not in segments:
        raise DataError(
            f"no segments of {file}: masks of {definition.name} need the JSON file of their split"
        )
    return categories(reader.colours(file), segments[file.name])


def read_words(definition: Definition, folder: Path, *, reader: Reader) -> WordSet:
    """Read a folder of folders, one a class. Raises DataError when one is missing or empty."""
    images, classes = [], []
    for index, name in enumerate(definition.folders):
        files = sorted((folder / name).glob("*.jpg"))
        if not files:
            raise DataError(f"{folder / name} has no image; expected a folder of .jpg for each class")
        images += [reader.image(file)[0] for file in files]
        classes += [index] * len(files)
    return WordSet(definition.vocabulary, images, classes)
