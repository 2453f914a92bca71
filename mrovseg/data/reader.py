"""How files of images and masks are read: given from outside, so that scenes and training images are read alike."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Integer, UInt8


@dataclass(frozen=True, slots=True)
class Reader:
    """Three callables that take a file's path; each raises DataError for what it cannot read.

    `image` returns red, green and blue, and where there is data; `levels` the whole numbers that a mask has stored,
    one a pixel or three; `colours` red, green and blue of a mask as they are stored, or by its colour table.
    """

    image: Callable[[Path], tuple[UInt8[np.ndarray, "y x 3"], Bool[np.ndarray, "y x"]]]
    levels: Callable[[Path], Integer[np.ndarray, "y x *c"]]
    colours: Callable[[Path], UInt8[np.ndarray, "y x 3"]]
