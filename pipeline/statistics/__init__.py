"""What the masks say: pixels, ground area and mean score of each class, by window and by scene."""

from pipeline.output.ledger import listing_digest
from pipeline.statistics.classes import scene_summary, window_statistics
from pipeline.statistics.facts import facts_of, origin
from pipeline.statistics.failing import FailuresTable, failures_table, put_failures, write_failures
from pipeline.statistics.parts import KeptPart, PartWriter, listings_of, read_part
from pipeline.statistics.scenes import scene_sum, summarize_scenes, windows_of
from pipeline.statistics.summary import Tables, write_tables
from pipeline.statistics.sums import SceneSum, merged, packed, with_failed
from pipeline.statistics.tables import scene_rows

__all__ = [
    "FailuresTable",
    "KeptPart",
    "PartWriter",
    "SceneSum",
    "Tables",
    "facts_of",
    "failures_table",
    "listing_digest",
    "listings_of",
    "merged",
    "origin",
    "packed",
    "put_failures",
    "read_part",
    "scene_rows",
    "scene_sum",
    "scene_summary",
    "summarize_scenes",
    "window_statistics",
    "windows_of",
    "with_failed",
    "write_failures",
    "write_tables",
]
