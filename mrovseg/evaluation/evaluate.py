"""How well a segmenter does on labelled images."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt, UInt8

from mrovseg.data.labelled import LabelledImage
from mrovseg.errors import DataError
from mrovseg.evaluation.boundaries import BoundaryIoU
from mrovseg.evaluation.metrics import Confusion

SegmentImage = Callable[[UInt8[np.ndarray, "y x 3"]], UInt[np.ndarray, "y x"]]
"""From the pixels of an image to its class ids."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What masks and truth have in common: pixels of each class, and outlines of each class."""

    confusion: Confusion
    boundaries: BoundaryIoU


def score(
    images: Iterable[LabelledImage], segment: SegmentImage, *, classes: int, background: int = 0
) -> Agreement:
    """Segment the images one by one and count agreement with their labels.

    `classes` is how many classes the labels have. A vocabulary may go on after them, so that its other
    classes take what the labels do not speak of; they count as `other`. Where the labels have a class for
    what is none of the others, its id `background`, `other` counts as that class.
    """
    agreement = Agreement(Confusion(classes), BoundaryIoU(classes))
    for image in images:
        mask = segment(image.pixels)
        other = (mask == 0) | ((mask > classes) & (mask != np.iinfo(mask.dtype).max))
        mask = np.where(other, mask.dtype.type(background), mask)
        agreement.confusion.add(mask, image.labels)
        agreement.boundaries.add(mask, image.labels)
    return agreement


def join(parts: Sequence[LabelledImage], *, rows: int, cols: int) -> LabelledImage:
    """Lay adjacent parts, given row by row, together to the one image they were cut from.

    Raises DataError when they are not rows * cols, or when heights in a row or widths in a column differ.
    """
    sizes = [part.labels.shape for part in parts]
    if len(parts) != rows * cols:
        raise DataError(f"a mosaic of {rows}x{cols} has {rows * cols} parts, got {len(parts)}")
    if any(size != (sizes[i // cols * cols][0], sizes[i % cols][1]) for i, size in enumerate(sizes)):
        raise DataError(
            f"the parts of a mosaic of {rows}x{cols}, row by row, must have equal heights in a row and equal "
            f"widths in a column, got (height, width) {sizes}"
        )
    lines = [parts[at : at + cols] for at in range(0, len(parts), cols)]
    return LabelledImage(
        parts[0].name,
        np.vstack([np.hstack([part.pixels for part in line]) for line in lines]),
        np.vstack([np.hstack([part.labels for part in line]) for line in lines]),
    )
