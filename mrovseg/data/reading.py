"""Images and masks from the files of a data set."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Integer

from mrovseg.data.definition import Definition
from mrovseg.data.labelled import LabelledImage
from mrovseg.data.layout import Segments, categories
from mrovseg.data.reader import Reader
from mrovseg.data.training_data import WordSet
from mrovseg.errors import DataError


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """An image and its mask, read each time they are sampled: for sets larger than memory."""

    definition: Definition
    image: Path
    mask: Path
    reader: Reader
    segments: Segments | None = None

    @property
    def sampling_weight(self) -> float:
        """Its sampling weight among the images of its set: 1, because its size is not known."""
        return 1.0

    def load(self) -> LabelledImage:
        """Read both files. Raises DataError as `read_pairs`."""
        (image,) = read_pairs(self.definition, [self.image], [self.mask], self.segments, reader=self.reader)
        return image


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
