"""Files of images and masks, read as `mrovseg segment` reads scenes: the pipeline's reading, for the model wing."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Integer, UInt8

from mrovseg.data.reader import Reader
from mrovseg.errors import DataError
from pipeline.config import DRIVERS, Reading
from pipeline.errors import RasterError

T = TypeVar("T")
READING = Reading(drivers=(*DRIVERS, "BMP", "GIF", "WEBP"))  # data sets come in more kinds than scenes do


def _image(file: Path) -> tuple[UInt8[np.ndarray, "y x 3"], Bool[np.ndarray, "y x"]]:
    from pipeline import raster

    return _read(lambda: raster.read_image(str(file), READING))


def _levels(file: Path) -> Integer[np.ndarray, "y x *c"]:
    from pipeline import raster

    return _read(lambda: raster.read_integers(str(file), reading=READING))


def _colours(file: Path) -> UInt8[np.ndarray, "y x 3"]:
    from pipeline import raster

    return _read(lambda: raster.read_colours(str(file), reading=READING))


def _read(call: Callable[[], T]) -> T:
    try:
        return call()
    except RasterError as error:
        raise DataError(f"cannot read an image or a mask: {error}") from error


READER = Reader(image=_image, levels=_levels, colours=_colours)
"""The pipeline's reading."""
