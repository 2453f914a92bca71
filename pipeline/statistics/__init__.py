"""What the masks say: pixels, ground area and mean score of each class, by window and by scene."""

from pipeline.statistics.areas import pixel_areas_m2
from pipeline.statistics.classes import window_statistics
from pipeline.statistics.tables import Failure, failures_table, write_scene, write_summary

__all__ = [
    "Failure",
    "failures_table",
    "pixel_areas_m2",
    "window_statistics",
    "write_scene",
    "write_summary",
]
