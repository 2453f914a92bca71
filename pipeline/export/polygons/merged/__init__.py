"""Regions across scenes that share a grid: a file for each group of them."""

from pipeline.export.polygons.merged.grouping import Placed
from pipeline.export.polygons.merged.merging import merge

__all__ = ["Placed", "merge"]
