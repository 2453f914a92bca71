"""What the masks say: pixels, ground area and mean score of each class, by window and by scene."""

from pipeline.output.ledger import listing_digest
from pipeline.statistics.classes import scene_summary, window_statistics
from pipeline.statistics.facts import facts_of, origin
from pipeline.statistics.failing import FailuresTable, failures_table, put_failures, write_failures
from pipeline.statistics.scenes import summarize_scene, windows_of
from pipeline.statistics.summary import Summary, write_summary
from pipeline.statistics.tables import (
    LISTING_KEY,
    scene_rows,
    scene_table,
    write_scene,
)

__all__ = [
    "LISTING_KEY",
    "FailuresTable",
    "Summary",
    "facts_of",
    "failures_table",
    "listing_digest",
    "origin",
    "put_failures",
    "scene_rows",
    "scene_summary",
    "scene_table",
    "summarize_scene",
    "window_statistics",
    "windows_of",
    "write_failures",
    "write_scene",
    "write_summary",
]
