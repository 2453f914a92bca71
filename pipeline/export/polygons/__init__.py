"""Masks as polygons: each region of one class is one, whatever windows it was made in."""

from pipeline.export.polygons.chosen import check_number, chosen_regions, drawing_of, origin_in
from pipeline.export.polygons.exporter import Polygons
from pipeline.export.polygons.files import LAYER, feature_count, write_flatgeobuf

__all__ = [
    "LAYER",
    "Polygons",
    "check_number",
    "chosen_regions",
    "drawing_of",
    "feature_count",
    "origin_in",
    "write_flatgeobuf",
]
