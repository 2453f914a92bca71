"""Training and evaluation data: labelled images with their own vocabularies, and chips drawn from them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int64, Integer, UInt, UInt8
from PIL import Image, ImageFilter

from mrovseg.definition import UINT8_CLASSES, Definition
from mrovseg.errors import DataError
from mrovseg.layout import Segments, categories
from mrovseg.losses import IGNORE
from mrovseg.vocabulary import Vocabulary

FILL = 127  # what pipelines put where a scene has no data
LEVELS = ("L", "P", "I", "I;16", "I;16B")  # Pillow's modes of one whole number a pixel


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
    segments: Segments | None = None

    @property
    def weight(self) -> float:
        """How often it is drawn: as often as any other, because its size is not known."""
        return 1.0

    def load(self) -> LabelledImage:
        """Read both files. Raises DataError as `read_pairs`."""
        (image,) = read_pairs(self.definition, [self.image], [self.mask], self.segments)
        return image


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Images that share a vocabulary; `share` is how often training draws from it.

    `rest` holds what pixels that are none of the classes may show, for sets that label only some classes. Without it
    training learns nothing from such pixels. Raises DataError for more classes than training's labels can tell apart.
    """

    vocabulary: Vocabulary
    images: Sequence[Source]
    share: float = 1.0
    rest: Vocabulary | None = None

    def __post_init__(self) -> None:
        """Check that labels are of 8 bits."""
        if len(self.vocabulary.names) > UINT8_CLASSES:
            raise DataError(
                f"training takes sets of up to {UINT8_CLASSES} classes, got {len(self.vocabulary.names)}"
            )

    @property
    def spoken(self) -> Vocabulary:
        """The classes and, after them, those of the rest."""
        if self.rest is None:
            return self.vocabulary
        return Vocabulary(
            self.vocabulary.names + self.rest.names, self.vocabulary.prompts + self.rest.prompts
        )


@dataclass(frozen=True, slots=True)
class WordSet:
    """Small images of one class each, for contrast with words; `classes[i]` is image i's class, from 0."""

    vocabulary: Vocabulary
    images: Sequence[UInt8[np.ndarray, "y x 3"]]
    classes: Sequence[int]


def read_pairs(
    definition: Definition, images: Sequence[Path], masks: Sequence[Path], segments: Segments | None = None
) -> Iterator[LabelledImage]:
    """Read image and mask files in pairs; panoptic masks need their `segments`.

    Raises DataError when a pair does not fit, or a mask is not of the kind that the definition speaks of.
    """
    for image, mask in zip(images, masks, strict=True):
        pixels = np.asarray(Image.open(image).convert("RGB"))
        labels = definition.labels_of(_read_mask(definition, mask, segments))
        if labels.shape != pixels.shape[:2]:
            raise DataError(
                f"{mask} is {labels.shape} px, its image {image} is {pixels.shape[:2]}; they must be equal"
            )
        yield LabelledImage(image.stem, pixels, labels)


def _read_mask(
    definition: Definition, file: Path, segments: Segments | None
) -> Integer[np.ndarray, "y x *c"]:
    with Image.open(file) as picture:
        if definition.panoptic:
            if segments is None or file.name not in segments:
                raise DataError(
                    f"no segments of {file}: masks of {definition.name} need the JSON file of their split"
                )
            return categories(np.asarray(picture.convert("RGB")), segments[file.name])
        if definition.coloured:
            return np.asarray(picture.convert("RGB"))
        if picture.mode not in LEVELS:
            raise DataError(
                f"{file} is an image of mode {picture.mode}; masks of {definition.name} have one level a pixel "
                f"({', '.join(LEVELS)})"
            )
        return np.asarray(picture).astype(np.int32)


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How a chip is varied: ranges of ground size, brightness, contrast, colour and blur.

    `overhang` is how often, by each axis, a chip hangs over the image's edge, as the last chips of a scene do.
    """

    zoom: tuple[float, float] = (0.6, 1.7)
    brightness: float = 0.25
    contrast: float = 0.3
    colour: float = 0.12
    blur: float = 0.2
    overhang: float = 0.1


def draw_chip(
    sets: Sequence[LabelledSet], *, side_px: int, rng: np.random.Generator, augmentation: Augmentation
) -> tuple[int, UInt8[np.ndarray, "y x 3"], UInt8[np.ndarray, "y x"]]:
    """Draw a chip: a set by its share, an image by its weight, a place, a zoom, a turn and a colouring.

    Returns the index of the set, pixels and labels, (side_px, side_px) each.
    """
    which = int(rng.choice(len(sets), p=_shares([s.share for s in sets])))
    images = sets[which].images
    image = images[int(rng.choice(len(images), p=_shares([i.weight for i in images])))].load()
    zoom = float(np.exp(rng.uniform(*np.log(augmentation.zoom))))
    pixels, labels = crop(image, side_px=round(side_px / zoom), rng=rng, overhang=augmentation.overhang)
    size = (side_px, side_px)
    pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))
    labels = np.asarray(Image.fromarray(labels).resize(size, Image.Resampling.NEAREST))
    turns, flip = int(rng.integers(4)), bool(rng.integers(2))
    pixels, labels = np.rot90(pixels, turns), np.rot90(labels, turns)
    if flip:
        pixels, labels = pixels[:, ::-1], labels[:, ::-1]
    return which, recolour(np.ascontiguousarray(pixels), rng, augmentation), np.ascontiguousarray(labels)


def draw_words(
    words: WordSet, *, side_px: int, count: int, rng: np.random.Generator, augmentation: Augmentation
) -> tuple[UInt8[np.ndarray, "n p p 3"], Int64[np.ndarray, " n"]]:
    """Draw small images and their classes: a square of at least 70 % of the side, turned and recoloured."""
    chosen = rng.integers(len(words.images), size=count)
    drawn = []
    for image in (words.images[i] for i in chosen):
        side = round(min(image.shape[:2]) * rng.uniform(0.7, 1.0))
        top, left = (int(rng.integers(n - side + 1)) for n in image.shape[:2])
        square = Image.fromarray(image[top : top + side, left : left + side]).resize((side_px, side_px))
        turned = np.rot90(np.asarray(square), int(rng.integers(4)))
        drawn.append(recolour(np.ascontiguousarray(turned), rng, augmentation))
    return np.stack(drawn), np.array([words.classes[i] for i in chosen], np.int64)


def crop(
    image: LabelledImage, *, side_px: int, rng: np.random.Generator, overhang: float = 0.0
) -> tuple[UInt8[np.ndarray, "s s 3"], UInt8[np.ndarray, "s s"]]:
    """Cut a square at a random place; beyond the image's lower and right edge it is as a scene without data.

    `overhang` is how often, by each axis, the square hangs over that edge, with up to nine tenths of its side.
    """
    top, left = (_offset(n, side_px, rng, over=rng.random() < overhang) for n in image.labels.shape)
    pixels = np.full((side_px, side_px, 3), FILL, np.uint8)
    labels = np.full((side_px, side_px), IGNORE, np.uint8)
    part = image.labels[top : top + side_px, left : left + side_px]
    pixels[: part.shape[0], : part.shape[1]] = image.pixels[top : top + side_px, left : left + side_px]
    labels[: part.shape[0], : part.shape[1]] = part
    return pixels, labels


def _offset(size_px: int, side_px: int, rng: np.random.Generator, *, over: bool) -> int:
    if over:
        return max(0, size_px - round(side_px * rng.uniform(0.1, 1.0)))
    return int(rng.integers(max(1, size_px - side_px + 1)))


def recolour(
    pixels: UInt8[np.ndarray, "y x 3"], rng: np.random.Generator, augmentation: Augmentation
) -> UInt8[np.ndarray, "y x 3"]:
    """Vary brightness, contrast, colour balance and sharpness."""
    if rng.random() < augmentation.blur:
        pixels = np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 1.5))))
    gain = np.exp(rng.uniform(-augmentation.contrast, augmentation.contrast))
    gains = gain * np.exp(rng.uniform(-augmentation.colour, augmentation.colour, 3))
    shift = 255 * rng.uniform(-augmentation.brightness, augmentation.brightness) / 2
    mean = pixels.mean()
    table = np.arange(256)[:, None] * gains + (mean * (1 - gains) + shift)
    table = np.clip(np.rint(table), 0, 255).astype(np.uint8)
    return np.stack([table[pixels[..., i], i] for i in range(3)], axis=-1)


def _shares(weights: Sequence[float]) -> np.ndarray:
    shares: np.ndarray = np.asarray(weights, np.float64) / sum(weights)
    return shares


def read_words(definition: Definition, folder: Path) -> WordSet:
    """Read a folder of folders, one a class. Raises DataError when one is missing or empty."""
    images, classes = [], []
    for index, name in enumerate(definition.folders):
        files = sorted((folder / name).glob("*.jpg"))
        if not files:
            raise DataError(f"{folder / name} has no image; expected a folder of .jpg for each class")
        images += [np.asarray(Image.open(file).convert("RGB")) for file in files]
        classes += [index] * len(files)
    return WordSet(definition.vocabulary, images, classes)
