"""Which scenes share a grid and touch: together they are as one scene."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import shapely
from jaxtyping import Bool, Float64, Int64

from pipeline.export.scenes import ExportScene
from pipeline.geometry.transform import UNPLACED, Transform, bounds, pixel_size, to_pixels
from pipeline.geometry.window import Window
from pipeline.redact import redacted

_SAME_SIZE = 1e-9  # of a pixel's side
_WHOLE_PX = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What tells whether a scene is merged with others, and the uri of its output."""

    scene_id: str
    output: str
    classes: tuple[str, ...]
    colors: tuple[str, ...]
    dtype: str
    crs_wkt: str | None
    transform: Transform
    height: int
    width: int

    @classmethod
    def of(cls, scene: ExportScene) -> Placed:
        """Return what is to be known of a scene."""
        header = scene.header
        return cls(
            scene_id=scene.scene_id,
            output=redacted(scene.scene.output.uri),
            classes=scene.classes,
            colors=scene.colors,
            dtype=header.dtype,
            crs_wkt=header.crs_wkt,
            transform=header.transform,
            height=header.height,
            width=header.width,
        )

    def as_facts(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> Placed:
        """Return what ``as_facts`` was called on."""
        return cls(**{**facts, **{name: tuple(facts[name]) for name in ("classes", "colors", "transform")}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Two or more scenes by their ids, and where each lies in the extent of all, in pixels."""

    scenes: tuple[Placed, ...]
    windows: tuple[Window, ...]

    @property
    def scene_id(self) -> str:
        """The id of the first, which names the group."""
        return self.scenes[0].scene_id


def find_groups(scenes: Sequence[Placed]) -> list[Group]:
    """Return the groups of scenes that share a grid and touch or overlap, through others or directly, by their names.

    A corner in common is not enough: no region goes across one. Scenes without a reference system are in no group.
    """
    alike: dict[object, list[Placed]] = defaultdict(list)
    for scene in sorted(scenes, key=lambda each: each.scene_id):
        if scene.crs_wkt is not None and scene.transform != UNPLACED:
            alike[scene.crs_wkt, scene.classes, scene.colors, scene.dtype].append(scene)
    found = [group for some in alike.values() for group in _groups(some)]
    return sorted(found, key=lambda group: group.scene_id)


def _groups(scenes: Sequence[Placed]) -> Iterator[Group]:
    neighbours = _Neighbours(scenes)
    for first in range(len(scenes)):
        corners = neighbours.taken_with(first)
        if len(corners) > 1:
            members = sorted(corners)
            offsets = np.array([corners[each] for each in members])
            offsets -= offsets.min(axis=0)
            some = tuple(scenes[each] for each in members)
            windows = (
                Window(row, col, each.height, each.width)
                for (row, col), each in zip(offsets.tolist(), some, strict=True)
            )
            yield Group(scenes=some, windows=tuple(windows))


class _Neighbours:
    """Scenes of one reference system, of which groups are taken until none is left."""

    def __init__(self, scenes: Sequence[Placed]) -> None:
        self._transforms = np.array([each.transform for each in scenes])
        self._sizes = np.array([(each.height, each.width) for each in scenes])
        self._boxes = [_box(each) for each in scenes]
        self._tree = shapely.STRtree(self._boxes)
        self._left = np.ones(len(scenes), np.bool_)

    def taken_with(self, first: int) -> dict[int, Int64[np.ndarray, " 2"]]:
        """Take a scene out with all that it is in one group with.

        Returns the row and column that each of them begins at in the first one's grid; nothing if that was taken.
        """
        if not self._left[first]:
            return {}
        self._left[first] = False
        corners, members = {first: np.zeros(2, np.int64)}, [first]
        for each in members:  # which grows meanwhile
            near = np.sort(self._tree.query(self._boxes[each]))
            near = near[self._left[near]]
            starts, shared = _starts(self._transforms[first], self._transforms[near])
            ends, end = starts + self._sizes[near], corners[each] + self._sizes[each]
            common = np.minimum(ends, end) - np.maximum(starts, corners[each])
            found = np.flatnonzero(shared & (common.min(axis=1) >= 0) & (common.max(axis=1) > 0))
            corners |= {int(near[other]): starts[other] for other in found}
            members += near[found].tolist()
            self._left[near[found]] = False
        return corners


def _starts(
    grid: Float64[np.ndarray, " 6"], others: Float64[np.ndarray, "n 6"]
) -> tuple[Int64[np.ndarray, "n 2"], Bool[np.ndarray, " n"]]:
    """Return the row and column of a grid that others begin at, and whether they share it."""
    starts = np.stack(to_pixels(tuple(grid), x=others[:, 2], y=others[:, 5]), axis=1)
    sides = [0, 1, 3, 4]
    same = np.abs(others[:, sides] - grid[sides]).max(axis=1) <= _SAME_SIZE * np.abs(grid[sides]).max()
    whole = np.rint(starts)
    return whole.astype(np.int64), same & (np.abs(starts - whole).max(axis=1) <= _WHOLE_PX)


def _box(scene: Placed) -> shapely.Geometry:
    """Return a box around a scene and half a pixel more."""
    half = max(pixel_size(scene.transform)) / 2
    xmin, ymin, xmax, ymax = bounds(scene.transform, height=scene.height, width=scene.width)
    return shapely.box(xmin - half, ymin - half, xmax + half, ymax + half)
