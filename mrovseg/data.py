"""Training and evaluation data: labelled images with their own vocabularies, and chips drawn from them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from jaxtyping import Int64, UInt8
from PIL import Image, ImageFilter

from mrovseg.errors import DataError
from mrovseg.losses import IGNORE
from mrovseg.vocabulary import Vocabulary

FILL = 127  # what pipelines put where a scene has no data


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """One image's pixels and labels: class ids 1..k of its set's vocabulary, 0 none of them, 255 unlabelled."""

    name: str
    pixels: UInt8[np.ndarray, "y x 3"]
    labels: UInt8[np.ndarray, "y x"]


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Images that share a vocabulary; `share` is how often training draws from it.

    `rest` holds what pixels that are none of the classes may show, for sets that label only some classes. Without it
    training learns nothing from such pixels.
    """

    vocabulary: Vocabulary
    images: Sequence[LabelledImage]
    share: float = 1.0
    rest: Vocabulary | None = None

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


@dataclass(frozen=True, slots=True)
class Definition:
    """How a data set is laid out and labelled: one short YAML file in `mrovseg/datasets`.

    `values` maps what stands in a mask (a colour "#RRGGBB", or a grey level) to a class id, `above` a grey level to
    the class of all levels above it; all else is `otherwise`: 255 (unlabelled) or 0 (none of the classes, so something
    of the `rest`). Sets of whole images have a folder a class.
    """

    name: str
    vocabulary: Vocabulary
    values: Mapping[int, int]
    above: Mapping[int, int]
    otherwise: int
    folders: tuple[str, ...] = ()
    rest: Vocabulary | None = None

    @classmethod
    def named(cls, name: str) -> "Definition":
        """Load an embedded definition. Raises DataError for a name that is not there."""
        folder = resources.files("mrovseg") / "datasets"
        file = folder / f"{name}.yaml"
        if not file.is_file():
            known = sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))
            raise DataError(f"no data set definition {name!r}; there are: {', '.join(known)}")
        about: dict[str, Any] = yaml.safe_load(file.read_text())
        classes = about["classes"]
        vocabulary = _vocabulary(classes)
        values = {_packed(c["value"]): i for i, c in enumerate(classes.values(), start=1) if "value" in c}
        above = {int(c["above"]): i for i, c in enumerate(classes.values(), start=1) if "above" in c}
        folders = tuple(c["folder"] for c in classes.values() if "folder" in c)
        rest = _vocabulary(about["rest"]) if "rest" in about else None
        return cls(name, vocabulary, values, above, about.get("otherwise", IGNORE), folders, rest)

    def labels_of(self, mask: UInt8[np.ndarray, "y x *c"]) -> UInt8[np.ndarray, "y x"]:
        """Translate a mask image to class ids."""
        if mask.ndim == 3:  # noqa: PLR2004 -- rows, columns, channels
            r, g, b = (mask[..., i].astype(np.int32) for i in range(3))
            packed = (r << 16) + (g << 8) + b
        else:
            packed = mask.astype(np.int32)
        labels = np.full(packed.shape, self.otherwise, np.uint8)
        for value, class_id in self.values.items():
            labels[packed == value] = class_id
        for level, class_id in self.above.items():
            labels[packed > level] = class_id
        return labels


def _vocabulary(classes: Mapping[str, Mapping[str, Any]]) -> Vocabulary:
    return Vocabulary(tuple(classes), tuple(tuple(c["prompts"]) for c in classes.values()))


def _packed(value: str | int) -> int:
    return int(value[1:], 16) if isinstance(value, str) else value


def read_pairs(
    definition: Definition, images: Sequence[Path], masks: Sequence[Path]
) -> Iterator[LabelledImage]:
    """Read image and mask files in pairs. Raises DataError when a pair does not fit."""
    for image, mask in zip(images, masks, strict=True):
        pixels = np.asarray(Image.open(image).convert("RGB"))
        picture = Image.open(mask)
        labels = definition.labels_of(np.asarray(picture if picture.mode == "L" else picture.convert("RGB")))
        if labels.shape != pixels.shape[:2]:
            raise DataError(
                f"{mask} is {labels.shape} px, its image {image} is {pixels.shape[:2]}; they must be equal"
            )
        yield LabelledImage(image.stem, pixels, labels)


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How a chip is varied: ranges of ground size, brightness, contrast, colour and blur."""

    zoom: tuple[float, float] = (0.6, 1.7)
    brightness: float = 0.25
    contrast: float = 0.3
    colour: float = 0.12
    blur: float = 0.2


def draw_chip(
    sets: Sequence[LabelledSet], *, side_px: int, rng: np.random.Generator, augmentation: Augmentation
) -> tuple[int, UInt8[np.ndarray, "y x 3"], UInt8[np.ndarray, "y x"]]:
    """Draw a chip: a set by its share, an image by its size, a place, a zoom, a turn and a colouring.

    Returns the index of the set, pixels and labels, (side_px, side_px) each.
    """
    which = int(rng.choice(len(sets), p=_shares([s.share for s in sets])))
    images = sets[which].images
    image = images[int(rng.choice(len(images), p=_shares([float(i.labels.size) for i in images])))]
    zoom = float(np.exp(rng.uniform(*np.log(augmentation.zoom))))
    pixels, labels = crop(image, side_px=round(side_px / zoom), rng=rng)
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
    image: LabelledImage, *, side_px: int, rng: np.random.Generator
) -> tuple[UInt8[np.ndarray, "s s 3"], UInt8[np.ndarray, "s s"]]:
    """Cut a square at a random place; where the image is too small, fill the rest as a scene without data."""
    height, width = image.labels.shape
    top = int(rng.integers(max(1, height - side_px + 1)))
    left = int(rng.integers(max(1, width - side_px + 1)))
    pixels = np.full((side_px, side_px, 3), FILL, np.uint8)
    labels = np.full((side_px, side_px), IGNORE, np.uint8)
    part = image.labels[top : top + side_px, left : left + side_px]
    pixels[: part.shape[0], : part.shape[1]] = image.pixels[top : top + side_px, left : left + side_px]
    labels[: part.shape[0], : part.shape[1]] = part
    return pixels, labels


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
