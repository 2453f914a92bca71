"""A reader of files for tests of the model wing alone: Pillow."""

from pathlib import Path

import numpy as np
from PIL import Image

from mrovseg.data.reader import Reader
from mrovseg.errors import DataError


def _image(file: Path) -> tuple[np.ndarray, np.ndarray]:
    pixels = _colours(file)
    return pixels, np.ones(pixels.shape[:2], np.bool_)


def _levels(file: Path) -> np.ndarray:
    with Image.open(file) as picture:
        return np.asarray(picture).astype(np.int32)


def _colours(file: Path) -> np.ndarray:
    try:
        with Image.open(file) as picture:
            return np.asarray(picture.convert("RGB"))
    except OSError as fault:
        raise DataError(f"cannot read the image {file}: {fault}") from fault


PILLOW = Reader(image=_image, levels=_levels, colours=_colours)
