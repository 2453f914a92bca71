"""The regions of a scene: pixels of one class that are joined by their sides.

A scene is gone through in squares from its origin on, whatever its windows were: so what is made of it depends on the
scene alone. What squares have of regions, their pieces, waits on disk until all are known.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int, Int64, UInt

from pipeline.export.polygons.joining import Joining
from pipeline.export.polygons.piece_file import PieceFile
from pipeline.export.polygons.pieces import FACTS, Pieces
from pipeline.export.polygons.rings import Rings, joined
from pipeline.export.polygons.seams import Seams
from pipeline.export.polygons.simplifying import simplified
from pipeline.geometry.areas import pixel_areas_m2
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window
from pipeline.segment import SCORE_MAX

SIDE_PX = 1024
"""The side of squares; what is simplified depends on it, so that it is no setting."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One region; ``rings`` are its shell and then its holes, in rows and columns of the scene.

    ``first`` is the flat index in the scene of its first pixel, row by row. ``area_m2`` is of its pixels that have a
    place on earth, None where none has; ``mean_score`` is in 0 .. 1.
    """

    class_id: int
    first: int
    pixels: int
    area_m2: float | None
    mean_score: float
    rings: Rings


class Regions:
    """All regions of a scene, by class and then by their first pixel, row by row."""

    def __init__(
        self,
        facts: np.ndarray,
        roots: Int64[np.ndarray, " n"],
        *,
        file: PieceFile,
        seams: Seams,
        with_nodes: bool,
    ) -> None:
        """Sum up what is known of pieces (``FACTS``) that have the same root, the first of them."""
        self._file, self._seams, self._with_nodes = file, seams, with_nodes
        self._pieces = np.argsort(roots, kind="stable")
        self._starts = np.flatnonzero(np.diff(roots[self._pieces], prepend=-1))
        self._facts = facts[self._pieces[self._starts]]
        for name in ("at_edge", "pixels", "placed", "area_m2", "scores"):
            self._facts[name] = np.add.reduceat(facts[name][self._pieces], self._starts)
        self._facts["first"] = np.minimum.reduceat(facts["first"][self._pieces], self._starts)

    def __len__(self) -> int:
        return len(self._facts)

    def __iter__(self) -> Iterator[Region]:
        """Yield them one by one."""
        ends = np.append(self._starts[1:], len(self._pieces))
        for number in np.lexsort((self._facts["first"], self._facts["class_id"])):
            facts = self._facts[number]
            pieces = self._pieces[self._starts[number] : ends[number]]
            yield Region(
                class_id=int(facts["class_id"]),
                first=int(facts["first"]),
                pixels=int(facts["pixels"]),
                area_m2=float(facts["area_m2"]) if facts["placed"] else None,
                mean_score=float(facts["scores"] / facts["pixels"] / SCORE_MAX),
                rings=self._rings(pieces, facts),
            )

    def _rings(self, pieces: Int64[np.ndarray, " n"], facts: np.void) -> Rings:
        if not facts["at_edge"]:
            return self._file.read(int(pieces[0]))
        inner, opened = [], []
        for piece in map(int, pieces):
            rings = self._file.read(piece)
            on_seam = np.logical_or.reduceat(self._seams.on_seams(rings), rings.starts)
            opened.append(rings.take(np.flatnonzero(on_seam)))
            inner.append(rings.take(np.flatnonzero(~on_seam)))
        across = joined(opened)
        if not len(across.lengths):
            return joined(inner)
        closed = self._seams.closed(across, int(facts["class_id"]), with_nodes=self._with_nodes)
        return _shell_first(joined([closed, *inner]))


@contextmanager
def regions_of(
    scene: ClassMap, *, tolerance_px: float | None = None, side_px: int = SIDE_PX
) -> Iterator[Regions]:
    """Yield the regions of a scene, their rings simplified to a tolerance; None for not at all.

    They are read from a temporary folder, which is removed at the end.
    """
    header = scene.header
    seams = Seams((header.height, header.width), side_px=side_px, nodata=scene.nodata)
    joining, facts = Joining(header.width), [np.zeros(0, FACTS)]
    count = 0
    with (
        tempfile.TemporaryDirectory(prefix="mrovseg-") as folder,
        closing(PieceFile(Path(folder))) as file,
    ):
        for square in plan_windows(header.height, header.width, window_px=side_px):
            ids = scene.read_classes(square)
            pieces = Pieces.of(ids, scene.nodata)
            seams.note(square, ids)
            joining.note(square, ids, pieces.labels.astype(np.int64) + np.where(pieces.labels, count - 1, -1))
            if len(pieces):
                facts.append(_facts(scene, square, pieces))
                rings, owners = _rings(pieces, tolerance_px)
                shift = np.array([square.row_off, square.col_off], np.int32)
                file.add(Rings(rings.vertices + shift, rings.lengths), owners, pieces=len(pieces))
                count += len(pieces)
        yield Regions(
            np.concatenate(facts),
            joining.roots(count),
            file=file,
            seams=seams,
            with_nodes=tolerance_px is not None,
        )


def _facts(scene: ClassMap, square: Window, pieces: Pieces) -> np.ndarray:
    return pieces.facts(
        square,
        scene_width=scene.header.width,
        scores=scene.read_scores(square),
        areas_m2=pixel_areas_m2(scene.header, square),
    )


def _rings(pieces: Pieces, tolerance_px: float | None) -> tuple[Rings, Int[np.ndarray, " r"]]:
    if tolerance_px is None:
        return pieces.rings(with_nodes=False)
    return simplified(*pieces.rings(with_nodes=True), tolerance_px=tolerance_px)


def _shell_first(rings: Rings) -> Rings:
    """Return a region's rings, the first of which is its shell, with its holes by their first vertices."""
    row, col = rings.vertices[rings.starts[1:]].T
    return rings.take(np.append(0, 1 + np.lexsort((col, row))))
