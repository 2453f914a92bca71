"""The tables of an output's classes: summed over its scenes, and by year or by scene where there are several."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow.parquet as pq

from jobs.show import table
from jobs.show.class_sums import ClassSums
from pipeline.dates import span_of
from pipeline.output import Output
from pipeline.storage import objects

LISTED_ROWS, LISTED_CLASSES = 20, 6
UNDATED = "no date"


def class_table(output: Output) -> str:
    """Sum the summary of an output over its scenes, a line a class; below, how many pixels have no area.

    A second table has the shares by year where scenes are of several, else by scene where there are several.
    """
    found = _Sums()
    summary = pq.ParquetFile(io.BytesIO(objects.get_bytes(output.summary)))
    for batch in summary.iter_batches():
        for record in batch.to_pylist():
            found.add(record)
    parts = [found.whole.text()]
    if found.whole.unplaced:
        parts.append(
            f"{found.whole.unplaced:,} of {found.whole.pixels:,} pixels have no place on earth known, and no part in "
            "the areas"
        )
    return "\n".join([*parts, *found.parted()])


@dataclass(slots=True)
class _Sums:
    """All scenes, those of each year, and each of the first ones."""

    whole: ClassSums = field(default_factory=ClassSums)
    years: dict[str, ClassSums] = field(default_factory=dict)
    scenes: dict[str, ClassSums] = field(default_factory=dict)

    def add(self, record: Mapping[str, Any]) -> None:
        self.whole.add(record)
        span = span_of(record["datetime"])
        self.years.setdefault(UNDATED if span is None else str(span[0].year), ClassSums()).add(record)
        if record["scene_id"] in self.scenes or len(self.scenes) < LISTED_ROWS:
            self.scenes.setdefault(record["scene_id"], ClassSums()).add(record)

    def parted(self) -> list[str]:
        """Return the table by years or scenes, with an empty line before it; nothing where there is one of each."""
        dated = {year: part for year, part in self.years.items() if year != UNDATED}
        if len(dated) > 1:
            return ["", self._shares("year", dict(sorted(self.years.items())), in_all=len(self.years))]
        if self.whole.scenes > 1:
            return ["", self._shares("scene", self.scenes, in_all=self.whole.scenes)]
        return []

    def _shares(self, of: str, parts: Mapping[str, ClassSums], *, in_all: int) -> str:
        """Return the shares of the largest classes, a line a part; of area, where every pixel has one."""
        of_area = not self.whole.unplaced and self.whole.area_m2 > 0
        largest = sorted(self.whole.classes, key=lambda each: (-self.whole.classes[each].pixels, each))[
            :LISTED_CLASSES
        ]
        shown = sorted(largest)
        rows = [
            [
                name,
                *([part.scenes] if of == "year" else []),
                *(part.share(each, of_area=of_area) for each in shown),
            ]
            for name, part in list(parts.items())[:LISTED_ROWS]
        ]
        names = [self.whole.classes[each].name for each in shown]
        header = ["year", "scenes", *names] if of == "year" else ["scene", *names]
        text = table.render(header, rows)
        said = f"share of {'area' if of_area else 'pixels'} by {of}:"
        if len(self.whole.classes) > len(shown):
            said = f"{said[:-1]}, of the {len(shown)} largest classes:"
        left = [f"and {in_all - len(rows):,} more {of}s, see summary.parquet"] if in_all > len(rows) else []
        return "\n".join([said, text, *left])
