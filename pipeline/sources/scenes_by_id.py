"""Some scenes of a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipeline.geometry.scene import Scene
from pipeline.sources.naming import Refusal


@dataclass(frozen=True, slots=True)
class ScenesById:
    """Of ``scenes`` those of ``scene_ids``; what is refused has the id of its uri."""

    scenes: Iterable[Scene | Refusal]
    scene_ids: frozenset[str]

    def __iter__(self) -> Iterator[Scene | Refusal]:
        """List the scenes, and yield some."""
        for entry in self.scenes:
            if entry.scene_id in self.scene_ids:
                yield entry
