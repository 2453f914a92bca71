"""What polygons are made of."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt

from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window


@runtime_checkable
class ClassMap(Protocol):
    """Class ids and scores of a scene's pixels; an ``ExportScene`` is one."""

    @property
    def header(self) -> Header:
        """The grid of the pixels."""

    @property
    def nodata(self) -> int:
        """The class id of no data."""

    def read_classes(self, window: Window) -> UInt[np.ndarray, "y x"]:
        """Return the class id of each pixel."""

    def read_scores(self, window: Window) -> UInt[np.ndarray, "y x"]:
        """Return the score of each pixel, see ``SCORE_MAX``."""
