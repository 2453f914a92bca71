"""What a user should know of scenes as they are read, each kind once: a list may have a million of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.config import Reading
from pipeline.flow.progress.events import Events
from pipeline.geometry.areas import ground_size_m
from pipeline.geometry.view import View

_KINDS = 20  # to say; of further ones only their number
_CHARS = 300  # of one
_OWN = re.compile(r"'[^']*'|\"[^\"]*\"|\S*/\S*|[-+]?\d[\d.,e+-]*")  # names and numbers of one scene


@dataclass(frozen=True, slots=True)
class Found:
    """What is found of a scene when it is planned."""

    scene_id: str
    ground_size_m: float | None
    warnings: tuple[str, ...]


def found(scene_id: str, view: View, reading: Reading) -> Found:
    """Return what is to be known of a scene: all that `inspect` warns of, and what happens to its values."""
    try:
        size_m = ground_size_m(view.header)
    except Exception:  # noqa: BLE001 - a warning costs no scene; what needs its place on earth says what is wrong with it
        size_m = None
    return Found(scene_id, size_m, tuple(_warnings(view, reading, size_m)))


def _warnings(view: View, reading: Reading, size_m: float | None) -> Iterator[str]:
    yield from view.warnings
    if size_m is None:
        yield "the side of a pixel on the ground is not known"
    if reading.value_range is None and any(limits is not None for limits in view.ranges):
        yield f"values of {view.header.dtype} become 8 bits by percentiles of each scene, see range"


@dataclass(slots=True)
class SceneWarnings:
    """Says a kind of warning when it is first met, and at the end how many scenes it is of."""

    events: Events
    _scenes: dict[str, int] = field(default_factory=dict)
    _said: dict[str, str] = field(default_factory=dict)
    _sizes_m: tuple[float, float] | None = None
    _sized: int = 0

    def take(self, scene: Found) -> None:
        """Take in what was found of one more scene."""
        for text in scene.warnings:
            short = text[:_CHARS]
            self._count(_OWN.sub("#", short), short, scene.scene_id)
        if (size_m := scene.ground_size_m) is not None:
            least, most = self._sizes_m or (size_m, size_m)
            self._sizes_m = min(least, size_m), max(most, size_m)
            self._sized += 1

    def begin_again(self) -> None:
        """Count anew, because every scene is found again; what was said is not repeated."""
        self._scenes.clear()
        self._sizes_m, self._sized = None, 0

    def finish(self) -> None:
        """Say how many scenes each kind is of, and which ground sizes they have."""
        for kind, text in self._said.items():
            number = self._scenes.get(kind, 0)
            if number > 1:
                self.events.warn("scenes_warned", f"warning: of {number} scenes: {text}", scenes=number)
        if more := len(self._scenes.keys() - self._said.keys()):
            self.events.warn("scenes_warned", f"warning: {more} more kinds, see mrovseg inspect", kinds=more)
        if self._sizes_m is not None:
            self.events.say(
                "ground_sizes", scenes=self._sized, least_m=self._sizes_m[0], most_m=self._sizes_m[1]
            )

    def _count(self, kind: str, text: str, scene_id: str) -> None:
        if kind not in self._scenes and len(self._scenes) >= 10 * _KINDS:
            return
        self._scenes[kind] = self._scenes.get(kind, 0) + 1
        if kind not in self._said and len(self._said) < _KINDS:
            self._said[kind] = text
            self.events.warn("scene_warned", f"warning: {scene_id}: {text}", scene_id=scene_id)
