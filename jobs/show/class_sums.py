"""Classes summed over scenes: pixels, areas and scores."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jobs.show import table


@dataclass(slots=True)
class ClassSum:
    """A class over some scenes; its area is that of the pixels which have one."""

    name: str
    pixels: int = 0
    unplaced: int = 0
    area_m2: float = 0.0
    scores: float = 0.0

    def add(self, record: Mapping[str, Any]) -> None:
        """Add a scene's line of the summary."""
        self.unplaced += record["unplaced_pixels"]
        self.area_m2 += record["area_m2"] or 0.0
        self.scores += record["pixels"] * record["mean_score"] if record["pixels"] else 0.0
        self.pixels += record["pixels"]


@dataclass(slots=True)
class ClassSums:
    """The classes of some scenes, by class id, and how many scenes these are."""

    classes: dict[int, ClassSum] = field(default_factory=dict)
    scenes: int = 0

    def add(self, record: Mapping[str, Any]) -> None:
        """Add a scene's line of the summary; its first is that of class 0."""
        class_id = record["class_id"]
        self.scenes += class_id == 0
        self.classes.setdefault(class_id, ClassSum(record["class_name"])).add(record)

    @property
    def pixels(self) -> int:
        """How many valid pixels it has."""
        return sum(each.pixels for each in self.classes.values())

    @property
    def unplaced(self) -> int:
        """How many of them have no place on earth."""
        return sum(each.unplaced for each in self.classes.values())

    @property
    def area_m2(self) -> float:
        """The area of all others."""
        return sum(each.area_m2 for each in self.classes.values())

    def text(self) -> str:
        """Return it as a table, a line a class."""
        header = ["class", "pixels", "share of pixels", "area km2", "share of area", "mean score"]
        pixels, area_m2 = self.pixels, self.area_m2
        lines = [_line(self.classes[class_id], pixels, area_m2) for class_id in sorted(self.classes)]
        return table.render(header, lines)

    def share(self, class_id: int, *, of_area: bool) -> str | None:
        """Return the share of a class, of area or of pixels; None where there are none."""
        found = self.classes[class_id]
        part, whole = (found.area_m2, self.area_m2) if of_area else (found.pixels, self.pixels)
        return f"{part / whole:.1%}" if whole else None


def _line(found: ClassSum, pixels: int, area_m2: float) -> list[object]:
    placed = found.pixels > found.unplaced or (not found.pixels and area_m2 > 0)
    return [
        found.name,
        found.pixels,
        f"{found.pixels / pixels:.1%}" if pixels else None,
        f"{found.area_m2 / 1e6:.4f}" if placed else None,
        f"{found.area_m2 / area_m2:.1%}" if placed else None,
        f"{found.scores / found.pixels:.2f}" if found.pixels else None,
    ]
