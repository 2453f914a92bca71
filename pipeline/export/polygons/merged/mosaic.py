"""Class maps side by side, read as one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64, UInt

from pipeline.export.polygons.regions import SIDE_PX, ClassMap
from pipeline.geometry.grid import squares
from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window

_NO_SCORE = 255


class Part(NamedTuple):
    """A class map, and where it lies in the mosaic."""

    pixels: ClassMap
    place: Window


class _Runs(NamedTuple):
    """Where in a square, as flat indices, another part begins to be on top, and which."""

    starts: Int64[np.ndarray, " n"]
    parts: Int64[np.ndarray, " n"]


@dataclass(frozen=True, kw_only=True)
class Mosaic:
    """A class map of ``parts``; where they overlap, that of the last one which has data there.

    It has the id of a scene for messages, and the classes and ``chosen`` ids of all, see ``ExportScene``.
    """

    scene_id: str
    classes: tuple[str, ...]
    colors: tuple[str, ...]
    chosen: tuple[int, ...]
    nodata: int
    header: Header
    parts: tuple[Part, ...]

    def read_classes(self, window: Window) -> UInt[np.ndarray, "y x"]:
        """Return the class id of each pixel."""
        found = np.full(window.shape, self.nodata, self.header.dtype)
        for number, common in self._parts_in(window):
            classes = self._classes(number, common)
            np.copyto(found[common.slices_in(window)], classes, where=classes != self.nodata)
        return found

    def read_scores(self, window: Window) -> UInt[np.ndarray, "y x"]:
        """Return the score of each pixel; 255 is no data."""
        found = np.full(window.shape, _NO_SCORE, np.uint8)
        for number, common in self._parts_in(window):
            pixels, place = self.parts[number]
            scores = pixels.read_scores(_moved(common, place))
            np.copyto(found[common.slices_in(window)], scores, where=scores != _NO_SCORE)
        return found

    def part_at(self, pixel: int) -> int:
        """Return the number of the part that a pixel with data is of, by its flat index."""
        row, col = divmod(pixel, self.header.width)
        where = Window(row, col, 1, 1)
        parts = [number for number, _ in self._parts_in(where)]
        if len(parts) == 1:
            return parts[0]
        square = next(squares(where, side_px=SIDE_PX))
        runs = self._runs.get(square) or self._runs.setdefault(square, self._runs_in(square))
        inside = (row - square.row_off) * SIDE_PX + col - square.col_off
        return int(runs.parts[np.searchsorted(runs.starts, inside, side="right") - 1])

    @cached_property
    def _edges(self) -> Int64[np.ndarray, "4 n"]:
        """First rows, first columns, end rows and end columns of the parts."""
        places = [place for _, place in self.parts]
        return np.array([(each.row_off, each.col_off, each.row_end, each.col_end) for each in places]).T

    @cached_property
    def _runs(self) -> dict[Window, _Runs]:
        """What is known of squares in which parts overlap."""
        return {}

    def _parts_in(self, window: Window) -> Iterator[tuple[int, Window]]:
        """Yield the numbers of the parts that have pixels of ``window``, and which."""
        rows, cols, row_ends, col_ends = self._edges
        near = (rows < window.row_end) & (row_ends > window.row_off)
        near &= (cols < window.col_end) & (col_ends > window.col_off)
        for number in np.flatnonzero(near).tolist():
            common = self.parts[number].place.intersection(window)
            if common is not None:
                yield number, common

    def _classes(self, number: int, window: Window) -> UInt[np.ndarray, "y x"]:
        pixels, place = self.parts[number]
        return pixels.read_classes(_moved(window, place))

    def _runs_in(self, square: Window) -> _Runs:
        """Return which part is on top in a square; what has no data goes on with the run before."""
        on_top = np.full(square.shape, -1, np.int64)
        for number, common in self._parts_in(square):
            classes = self._classes(number, common)
            np.copyto(on_top[common.slices_in(square)], number, where=classes != self.nodata)
        with_data = np.flatnonzero(on_top.ravel() >= 0)
        parts = on_top.ravel()[with_data]
        begins = np.flatnonzero(np.diff(parts, prepend=-1))
        return _Runs(with_data[begins], parts[begins])


def _moved(window: Window, place: Window) -> Window:
    """Return a window in the pixels of the part at ``place``."""
    return Window(window.row_off - place.row_off, window.col_off - place.col_off, *window.shape)
