"""The pixels of a scene whose windows are done: what others left in its store is no data."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt

from pipeline.errors import PipelineError, StoreError
from pipeline.geometry.grid import squares
from pipeline.geometry.window import Window
from pipeline.store.reading import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedWindows:
    """The windows of a scene that are done, by ``(row_off, col_off)``, and their side."""

    done: Collection[tuple[int, int]]
    window_px: int

    def only(self, values: UInt[np.ndarray, "y x"], window: Window) -> UInt[np.ndarray, "y x"]:
        """Return values of ``window``, those of windows that are not done as no data: the largest of their dtype."""
        found = np.full_like(values, np.iinfo(values.dtype).max)
        for square in squares(window, side_px=self.window_px):
            part = square.intersection(window)
            if part is not None and (square.row_off, square.col_off) in self.done:
                found[part.slices_in(window)] = values[part.slices_in(window)]
        return found


def read_pixels(array: Array, window: Window) -> UInt[np.ndarray, "y x"]:
    """Return what an array holds of ``window``.

    Raises:
        StoreError: a chunk is damaged.
        PipelineError: the storage refused.
    """
    try:
        return np.asarray(array[window.slices_in(Window(0, 0, *array.shape))])
    except PipelineError:
        raise
    except Exception as error:
        raise StoreError(f"{array.store_path} cannot be read at {window!r}: {error}") from error
