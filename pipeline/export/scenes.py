"""What of one scene is exported: its grid, its classes, and the pixels of the windows that are done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import UInt

from pipeline import store
from pipeline.errors import ConfigError, StoreError
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window
from pipeline.output import Plan, SceneOutput, ledger, offsets_of, plan_of
from pipeline.statistics import listing_digest, windows_of
from pipeline.store import FinishedWindows, StoreDescription

OTHER = 0
"""The class id of what is none of the vocabulary, and of classes that are not chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which classes of a scene are exported, by name; None for all; and at which level: 0 is the scene's own pixels.

    ``window_px`` is the side of the windows that the output was made of.

    Raises:
        ConfigError: the level is below 0.
    """

    window_px: int
    classes: tuple[str, ...] | None = None
    level: int = 0

    def __post_init__(self) -> None:
        if self.level < 0:
            raise ConfigError(f"level must be 0, the scene's own pixels, or a coarser one, got {self.level}")


@dataclass(frozen=True, kw_only=True)
class ExportScene:
    """What of one scene is exported; rows, columns and windows are those of the chosen level.

    A pixel of a window that the ledger does not have is no data, whatever the store holds. ``done`` are
    ``(row_off, col_off)`` of the windows that are, ``plan`` how many there are in all, None where nobody knows.
    """

    scene: SceneOutput
    store: StoreDescription
    selection: Selection
    done: frozenset[tuple[int, int]]
    plan: Plan | None
    header: Header
    """The grid of the pixels."""
    source_digest: str
    """Another one after anything has changed of what would be exported."""

    @property
    def scene_id(self) -> str:
        """The scene's id."""
        return self.scene.scene_id

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of all classes by class id; 0 is ``other``."""
        return self.store.classes

    @property
    def colors(self) -> tuple[str, ...]:
        """Their colours, "#rrggbb"."""
        return self.store.colors

    @property
    def nodata(self) -> int:
        """The class id of no data, 255 or 65535."""
        return int(np.iinfo(self.header.dtype).max)

    @cached_property
    def chosen(self) -> tuple[int, ...]:
        """The ids of the chosen classes, sorted; of all where none was chosen.

        Raises:
            ConfigError: the store has no class of that name.
        """
        names = self.selection.classes
        if names is None:
            return tuple(range(len(self.classes)))
        unknown = [name for name in names if name not in self.classes]
        if unknown:
            raise ConfigError(
                f"{self.scene.masks} has no class {unknown[0]!r}: choose of {', '.join(self.classes)}"
            )
        return tuple(sorted(self.classes.index(name) for name in names))

    @property
    def windows_missing(self) -> int | None:
        """How many windows are not done; None where nobody knows."""
        return windows_of(self.plan, done=len(self.done))[1]

    def windows(self) -> Iterator[Window]:
        """Yield the scene in windows as large as those it was made of, row by row, whether they are done or not."""
        return plan_windows(self.header.height, self.header.width, window_px=self.selection.window_px)

    def read_classes(self, window: Window) -> UInt[np.ndarray, "y x"]:
        """Return the class id of each pixel of ``window``: ``OTHER`` where its class is not chosen, or ``nodata``.

        Raises:
            StoreError: the window is not inside the scene, or the store is damaged.
        """
        found = store.read(self.scene, "class", window, self.selection.level)
        if len(self.chosen) < len(self.classes):
            keep = np.zeros(self.nodata + 1, bool)
            keep[[*self.chosen, self.nodata]] = True
            found = np.where(keep[found], found, np.asarray(OTHER, found.dtype))
        return self._only_done(found, window)

    def read_scores(self, window: Window, name: str = "score") -> UInt[np.ndarray, "y x"]:
        """Return the ``score`` or ``margin`` of each pixel of ``window``, see ``SCORE_MAX``; 255 is no data.

        Where the store has scores of places, pixels have those of their place.

        Raises:
            StoreError: as ``read_classes``.
        """
        level = self.selection.level
        of_places = self.store.contents.score_stride_px > 1
        found = self._of_places(name, window) if of_places else store.read(self.scene, name, window, level)
        no_data = np.iinfo(found.dtype).max
        found = np.where(store.read(self.scene, "class", window, level) == self.nodata, no_data, found)
        return self._only_done(found, window)

    def _of_places(self, name: str, window: Window) -> UInt[np.ndarray, "y x"]:
        """Return what a store of places says of the place that each pixel of ``window``, or its first part, is in."""
        stride_px, step_px = self.store.contents.score_stride_px, 2**self.selection.level
        ends = (
            min(window.row_end * step_px, self.store.header.height),
            min(window.col_end * step_px, self.store.header.width),
        )
        first = (window.row_off * step_px, window.col_off * step_px)
        places = store.read(self.scene, name, Window(*first, ends[0] - first[0], ends[1] - first[1]))
        rows, cols = (
            np.arange(start, end, step_px) // stride_px - start // stride_px
            for start, end in zip(first, ends, strict=True)
        )
        return places[np.ix_(rows, cols)]

    def _only_done(self, values: UInt[np.ndarray, "y x"], window: Window) -> UInt[np.ndarray, "y x"]:
        if self.selection.level:
            return values  # overviews are of windows that are done
        return FinishedWindows(done=self.done, window_px=self.selection.window_px).only(values, window)


def open_scene(scene: SceneOutput, selection: Selection) -> ExportScene:
    """Return what of a scene is exported, by its store and its ledger as they are now.

    Raises:
        StoreError: there is no store, it is damaged, or it has no such level of the ledger as it is.
        PipelineError: the storage refused.
    """
    listed = ledger.list_objects(scene)
    entries = [each for each in listed if offsets_of(each.path) is not None]
    plan = next((plan for each in listed if (plan := plan_of(each.path)) is not None), None)
    described = store.describe(scene)
    listing = listing_digest(entries)
    identity = [described.run, None if plan is None else plan.name, listing]
    return ExportScene(
        scene=scene,
        store=described,
        selection=selection,
        done=frozenset(offsets for each in entries if (offsets := offsets_of(each.path)) is not None),
        plan=plan,
        header=_level_header(scene, described, selection.level, listing),
        source_digest=hashlib.sha256(json.dumps(identity).encode()).hexdigest(),
    )


def _level_header(scene: SceneOutput, described: StoreDescription, level: int, listing: str) -> Header:
    if level == 0:
        return described.header
    remedy = f"make its overviews by `mrovseg overviews {scene.output}`, or give level 0"
    headers = store.levels(scene)
    if level >= len(headers):
        raise StoreError(f"{scene.masks} has levels 0 to {len(headers) - 1}, not {level}: {remedy}")
    try:
        noted = store.read_overviews_note(scene)
    except FileNotFoundError:
        noted = None
    if noted is None or noted.ledger != listing:
        raise StoreError(f"the overviews of {scene.masks} are not of what is done now: {remedy}")
    return headers[level]
