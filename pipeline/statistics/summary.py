"""OUT/summary.parquet and OUT/items.parquet: of all scenes, also of those that failed whole, by scene id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.output import Output
from pipeline.statistics.items import items_table
from pipeline.statistics.sums import SceneSum
from pipeline.statistics.table_writer import TableWriter
from pipeline.statistics.tables import SUMMARY_SCHEMA
from pipeline.storage import objects


class Tables:
    """Both tables as they grow: sums come by scene id. ``run`` is the digest of what decided what the masks are."""

    def __init__(self, *, classes: Sequence[str], run: str | None) -> None:
        self._summary = TableWriter(SUMMARY_SCHEMA)
        self._items, self._item = items_table(classes, run=run)

    def add(self, scene: SceneSum) -> None:
        """Take a scene in."""
        for record in scene.records:
            self._summary.add(record)
        self._items.add(self._item(scene))

    def contents(self) -> tuple[bytes, bytes]:
        """Return the bytes of the summary and of the items, after which nothing can be added."""
        return self._summary.content(), self._items.content()


def write_tables(
    output: Output, sums: Iterable[SceneSum], *, classes: Sequence[str], run: str | None = None
) -> None:
    """Write OUT/summary.parquet, a row for each class of each scene, and OUT/items.parquet, a row for each scene.

    Raises:
        PipelineError: the storage refused.
    """
    tables = Tables(classes=classes, run=run)
    for each in sums:
        tables.add(each)
    summary, items = tables.contents()
    objects.put_bytes(output.summary, summary)
    objects.put_bytes(output.items, items)
