"""What has become of what, as a class of its own: "water to road"; and how much of each there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, UInt

from pipeline.errors import ConfigError
from pipeline.export.scenes import OTHER, ExportScene
from pipeline.output.palette import OTHER_COLOR
from pipeline.segment import class_dtype

_MOST = 65_534  # class ids of 16 bits


@dataclass(frozen=True)
class Transitions:
    """All pairs of a class of the earlier scene and one of the later, by their class ids.

    Both have ``OTHER``, which is also what classes are that were not chosen. The pair of the i-th class before and the
    j-th after has the id 1 + i * len(after) + j. Classes are the same where their names are.

    Raises:
        ConfigError: there are more pairs than ids.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    before_names: tuple[str, ...]
    after_names: tuple[str, ...]
    after_colors: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.before) * len(self.after) > _MOST:
            raise ConfigError(
                f"{len(self.before)} classes before and {len(self.after)} after are more than {_MOST:,} transitions: "
                "choose some by --classes"
            )

    @classmethod
    def of(cls, before: ExportScene, after: ExportScene) -> Transitions:
        """Return those between two scenes."""
        earlier, later = (tuple(sorted({OTHER, *scene.chosen})) for scene in (before, after))
        return cls(earlier, later, before.classes, after.classes, after.colors)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The names of each pair, by its id less one."""
        return tuple(
            (self.before_names[earlier], self.after_names[later])
            for earlier in self.before
            for later in self.after
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the pairs as classes."""
        return tuple(
            f"{earlier} to {later}" if earlier != later else f"still {earlier}"
            for earlier, later in self.pairs
        )

    @property
    def changed(self) -> tuple[str, ...]:
        """Of these the names of true changes."""
        return tuple(
            name for name, (earlier, later) in zip(self.names, self.pairs, strict=True) if earlier != later
        )

    @property
    def colors(self) -> tuple[str, ...]:
        """The colours of class ids from 0 on: of what there is now where it has changed, grey where it has not."""
        by_name = dict(zip(self.after_names, self.after_colors, strict=True))
        return (
            OTHER_COLOR,
            *(by_name[later] if earlier != later else OTHER_COLOR for earlier, later in self.pairs),
        )

    @property
    def nodata(self) -> int:
        """The class id where one of the two has no data."""
        return int(np.iinfo(class_dtype(len(self.pairs))).max)

    def ids(self, before: UInt[np.ndarray, "y x"], after: UInt[np.ndarray, "y x"]) -> UInt[np.ndarray, "y x"]:
        """Return the id of each pixel's pair; no data where one of the two has none."""
        rank_before = _ranks(self.before, before.dtype)[before]
        rank_after = _ranks(self.after, after.dtype)[after]
        valid = (rank_before >= 0) & (rank_after >= 0)
        found = 1 + rank_before * len(self.after) + rank_after
        return np.where(valid, found, self.nodata).astype(class_dtype(len(self.pairs)))


def _ranks(ids: Sequence[int], dtype: np.dtype[Any]) -> np.ndarray:
    """Return the place among ``ids`` of each class id, -1 of what is none of them: no data."""
    found = np.full(np.iinfo(dtype).max + 1, -1, np.int64)
    found[list(ids)] = np.arange(len(ids))
    return found


class Counted:
    """Pixels and areas of transitions as they grow, window by window."""

    def __init__(self, transitions: Transitions, *, placed: bool) -> None:
        """Begin with nothing; ``placed`` where pixels have areas."""
        self._transitions, self._placed = transitions, placed
        self._pixels = np.zeros(len(transitions.pairs) + 1, np.int64)
        self._areas = np.zeros(len(self._pixels))

    def add(self, ids: UInt[np.ndarray, "y x"], areas_m2: Float64[np.ndarray, "y x"] | None) -> None:
        """Count the ids of a window."""
        valid = ids != self._transitions.nodata
        self._pixels += np.bincount(ids[valid], minlength=len(self._pixels))
        if areas_m2 is not None:
            self._areas += np.bincount(ids[valid], np.nan_to_num(areas_m2[valid]), len(self._areas))

    def facts(self) -> dict[str, Any]:
        """Return the transitions that there are, and how much is valid in both, as JSON."""
        rows: list[Mapping[str, Any]] = [
            {
                "from_class": earlier,
                "to_class": later,
                "pixels": int(self._pixels[id_]),
                "area_m2": float(self._areas[id_]) if self._placed else None,
            }
            for id_, (earlier, later) in enumerate(self._transitions.pairs, 1)
            if self._pixels[id_]
        ]
        return {
            "transitions": rows,
            "common_pixels": int(self._pixels.sum()),
            "common_m2": float(self._areas.sum()) if self._placed else None,
        }
