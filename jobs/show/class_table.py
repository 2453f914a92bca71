"""The table of classes of an output: pixels, areas and scores, summed over its scenes."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from jobs.show import table
from pipeline.output import Output
from pipeline.storage import objects


def class_table(output: Output) -> str:
    """Sum the summary of an output over its scenes, a line a class; below, how many pixels have no area."""
    summary = pq.ParquetFile(io.BytesIO(objects.get_bytes(output.summary)))
    by_class: dict[int, ClassSum] = {}
    for batch in summary.iter_batches():
        for record in batch.to_pylist():
            by_class.setdefault(record["class_id"], ClassSum(record["class_name"])).add(record)
    pixels, unplaced = (sum(getattr(c, name) for c in by_class.values()) for name in ("pixels", "unplaced"))
    area_m2 = sum(each.area_m2 for each in by_class.values())
    lines = [_line(by_class[class_id], pixels, area_m2) for class_id in sorted(by_class)]
    text = table.render(
        ["class", "pixels", "share of pixels", "area km2", "share of area", "mean score"], lines
    )
    if not unplaced:
        return text
    return f"{text}\n{unplaced:,} of {pixels:,} pixels have no place on earth known, and no part in the areas"


@dataclass(slots=True)
class ClassSum:
    """A class over all scenes; its area is that of the pixels which have one."""

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
