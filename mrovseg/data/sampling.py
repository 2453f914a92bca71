"""Training chips and small images, sampled and augmented at random."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64, UInt8, UInt16
from PIL import Image, ImageFilter

from mrovseg.data.captions import CaptionSet
from mrovseg.data.labelled import IGNORE, LabelledImage, LabelledSet
from mrovseg.data.training_data import WordSet


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How a chip is augmented: ranges of zoom, brightness, contrast, colour and blur.

    `overhang` is how often, by each axis, a chip hangs over the image's edge, as the last chips of a scene do.
    """

    zoom: tuple[float, float] = (0.6, 1.7)
    brightness: float = 0.25
    contrast: float = 0.3
    colour: float = 0.12
    blur: float = 0.2
    overhang: float = 0.1


def sample_chip(
    sets: Sequence[LabelledSet], *, side_px: int, rng: np.random.Generator, augmentation: Augmentation
) -> tuple[int, UInt8[np.ndarray, "y x 3"], UInt16[np.ndarray, "y x"]]:
    """Sample a chip: a set and an image by their sampling weights, then position, zoom, rotation, flip and colours.

    Chips of upright sets are not rotated.

    Returns the index of the set, pixels and labels, (side_px, side_px) each; labels as `crop` has them.
    """
    which = int(rng.choice(len(sets), p=_probabilities([s.sampling_weight for s in sets])))
    images = sets[which].images
    image = images[int(rng.choice(len(images), p=_probabilities([i.sampling_weight for i in images])))].load()
    zoom = float(np.exp(rng.uniform(*np.log(augmentation.zoom))))
    pixels, labels = crop(image, side_px=round(side_px / zoom), rng=rng, overhang=augmentation.overhang)
    pixels = np.asarray(Image.fromarray(pixels).resize((side_px, side_px), Image.Resampling.BILINEAR))
    nearest = ((np.arange(side_px) + 0.5) * len(labels) / side_px).astype(np.int64)
    labels = labels[nearest[:, None], nearest]
    turns, flip = int(rng.integers(4)), bool(rng.integers(2))
    turns = 0 if sets[which].upright else turns
    pixels, labels = np.rot90(pixels, turns), np.rot90(labels, turns)
    if flip:
        pixels, labels = pixels[:, ::-1], labels[:, ::-1]
    return which, recolour(np.ascontiguousarray(pixels), rng, augmentation), np.ascontiguousarray(labels)


def sample_words(
    words: WordSet, *, side_px: int, count: int, rng: np.random.Generator, augmentation: Augmentation
) -> tuple[UInt8[np.ndarray, "n p p 3"], Int64[np.ndarray, " n"]]:
    """Sample small images and their classes: a square of at least 70 % of the side, turned and recoloured."""
    chosen = rng.integers(len(words.images), size=count)
    squares = [_random_square(words.images[i], side_px, rng, augmentation) for i in chosen]
    return np.stack(squares), np.array([words.classes[i] for i in chosen], np.int64)


def sample_captions(
    captions: CaptionSet, *, side_px: int, count: int, rng: np.random.Generator, augmentation: Augmentation
) -> tuple[UInt8[np.ndarray, "n p p 3"], Int64[np.ndarray, " n"]]:
    """Sample images with captions as `sample_words` does, and return which they are.

    Raises DataError for a file that is no image.
    """
    chosen = rng.integers(len(captions.files), size=count)
    images = [captions.reader.image(captions.files[i])[0] for i in chosen]
    return np.stack([_random_square(image, side_px, rng, augmentation) for image in images]), chosen


def _random_square(
    image: UInt8[np.ndarray, "y x 3"], side_px: int, rng: np.random.Generator, augmentation: Augmentation
) -> UInt8[np.ndarray, "p p 3"]:
    side = round(min(image.shape[:2]) * rng.uniform(0.7, 1.0))
    top, left = (int(rng.integers(n - side + 1)) for n in image.shape[:2])
    square = Image.fromarray(image[top : top + side, left : left + side]).resize((side_px, side_px))
    turned = np.rot90(np.asarray(square), int(rng.integers(4)))
    return recolour(np.ascontiguousarray(turned), rng, augmentation)


def crop(
    image: LabelledImage, *, side_px: int, rng: np.random.Generator, overhang: float = 0.0
) -> tuple[UInt8[np.ndarray, "s s 3"], UInt16[np.ndarray, "s s"]]:
    """Cut a square at a random position; beyond the image's lower and right edge it is reflected, as a scene is.

    Labels are class ids, 0 none of the classes, IGNORE unlabelled, as all is beyond the edges.

    `overhang` is how often, by each axis, the square hangs over that edge, with up to nine tenths of its side.
    """
    top, left = (_offset(n, side_px, rng, over=rng.random() < overhang) for n in image.labels.shape)
    labels = np.full((side_px, side_px), IGNORE, np.uint16)
    part = image.labels[top : top + side_px, left : left + side_px]
    rows, cols = (
        _mirrored(start, side_px, length=n) for start, n in zip((top, left), image.labels.shape, strict=True)
    )
    labels[: part.shape[0], : part.shape[1]] = part
    labels[: part.shape[0], : part.shape[1]][part == np.iinfo(part.dtype).max] = IGNORE
    return image.pixels[np.ix_(rows, cols)], labels


def _mirrored(start: int, side_px: int, *, length: int) -> Int64[np.ndarray, " s"]:
    index = np.arange(start, start + side_px) % (2 * length)
    return np.minimum(index, 2 * length - 1 - index)


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


def _probabilities(weights: Sequence[float]) -> np.ndarray:
    probabilities: np.ndarray = np.asarray(weights, np.float64) / sum(weights)
    return probabilities
