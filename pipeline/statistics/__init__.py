"""What the masks say: pixels, ground area and mean score of each class, by window and by scene."""

from pipeline.statistics.areas import pixel_areas_m2
from pipeline.statistics.classes import window_statistics
from pipeline.statistics.scenes import listing_digest, sum_scene
from pipeline.statistics.tables import (
    LISTING_KEY,
    Failure,
    failures_table,
    scene_rows,
    scene_table,
    summary_table,
    write_scene,
    write_summary,
)

__all__ = [
    "LISTING_KEY",
    "Failure",
    "failures_table",
    "listing_digest",
    "pixel_areas_m2",
    "scene_rows",
    "scene_table",
    "sum_scene",
    "summary_table",
    "window_statistics",
    "write_scene",
    "write_summary",
]
