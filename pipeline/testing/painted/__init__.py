"""Painted scenes: aerial-looking pictures of any size, with the exact class of every pixel.

A scene is a pure function of a seed and of absolute pixel coordinates, without bounds: a rectangle
painted whole or by pieces has the same bytes, so that a scene of any size is written in flat memory.
Picture and truth come from the same geometry. A pixel is thought of as half a metre.
"""

import numpy as np

from pipeline.testing.painted.scene import paint
from pipeline.testing.painted.writing import paint_scene

__all__ = ["CLASSES", "LAND_COVER", "paint", "paint_scene"]

CLASSES = (
    "street", "roof", "tree", "grass", "field", "water", "bare ground", "car", "pool", "solar panel",
)  # fmt: skip
_IGNORE = 255
# Coarse ids 1..5 are building, land, road, vegetation, water; cars are no land cover.
LAND_COVER = np.array([_IGNORE, 3, 1, 4, 4, 4, 5, 2, _IGNORE, 5, 1], dtype=np.uint8)
