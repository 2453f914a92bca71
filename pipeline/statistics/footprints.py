"""The outline of a scene's valid pixels, by its statistics, and by its masks where these say that some are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from jaxtyping import Bool

from pipeline import store
from pipeline.errors import StoreError
from pipeline.geometry.footprint import ValidMap, footprint
from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window
from pipeline.output import SceneOutput

_RECTANGLE = ("row_off", "col_off", "height", "width")


def footprint_of(scene: SceneOutput, header: Header, rows: Sequence[Mapping[str, Any]]) -> bytes | None:
    """Return the outline of a scene's valid pixels, see ``footprint``; ``rows`` are those of its statistics.

    Of windows that are done nothing else than these is read, but for those of which some pixels are valid and some are
    not. One whose masks cannot be decoded counts as a whole: what is wrong with it is for `mrovseg verify` to say.

    Raises:
        PipelineError: the storage refused.
    """
    valid = ValidMap(height=header.height, width=header.width)
    for rectangle, of_window in groupby(rows, key=lambda row: tuple(row[name] for name in _RECTANGLE)):
        window = Window(*rectangle)
        pixels = sum(row["pixels"] for row in of_window)
        if pixels:
            valid.add(window, None if pixels == window.height * window.width else _valid(scene, window))
    return footprint(header, valid)


def _valid(scene: SceneOutput, window: Window) -> Bool[np.ndarray, "y x"] | None:
    try:
        class_ids = store.read(scene, "class", window)
    except (StoreError, ValueError, RuntimeError):
        return None
    return np.asarray(class_ids != np.iinfo(class_ids.dtype).max)
