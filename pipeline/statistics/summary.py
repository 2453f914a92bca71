"""OUT/summary.parquet: a row for each class of each scene, also of scenes that failed whole, by scene id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.output import Output
from pipeline.statistics.classes import scene_summary
from pipeline.statistics.facts import NOTHING
from pipeline.statistics.table_writer import TableWriter
from pipeline.statistics.tables import SUMMARY_SCHEMA
from pipeline.storage import objects


class Summary:
    """The summary as it grows: records come by scene id, and those of ``failed`` scenes in between."""

    def __init__(
        self, output: Output, *, classes: Sequence[str], failed: Mapping[str, str] | None = None
    ) -> None:
        """Begin it; ``failed`` are the uris of scenes that failed whole, by their ids."""
        self._table = TableWriter(output.summary, SUMMARY_SCHEMA)
        self._classes = classes
        self._failed = sorted((failed or {}).items(), reverse=True)

    def add(self, record: Mapping[str, Any]) -> None:
        """Take a record of ``scene_summary`` in; a scene that has one did not fail whole."""
        while self._failed and self._failed[-1][0] <= record["scene_id"]:
            scene_id, uri = self._failed.pop()
            if scene_id < record["scene_id"]:
                self._add_failed(scene_id, uri)
        self._table.add(record)

    def content(self) -> bytes:
        """Return the bytes of the file, after which nothing can be added."""
        while self._failed:
            self._add_failed(*self._failed.pop())
        return self._table.content()

    def _add_failed(self, scene_id: str, uri: str) -> None:
        about = {**NOTHING, "uri": uri}
        for record in scene_summary(scene_id, (), classes=self._classes, about=about, windows=(0, None)):
            self._table.add({**record, "area_m2": None})


def write_summary(
    output: Output,
    records: Iterable[Mapping[str, Any]],
    *,
    classes: Sequence[str],
    failed: Mapping[str, str] | None = None,
) -> None:
    """Write OUT/summary.parquet, a row for each of the records of ``sum_scene``, and those of ``failed`` scenes.

    Raises:
        PipelineError: the storage refused.
    """
    summary = Summary(output, classes=classes, failed=failed)
    for record in records:
        summary.add(record)
    objects.put_bytes(output.summary, summary.content())
