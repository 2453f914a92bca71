"""Where a scene has data: the outline of its valid pixels in longitude and latitude."""

from pipeline.geometry.footprint.lonlat import bounds_of, footprint
from pipeline.geometry.footprint.valid_map import CELLS, ValidMap

__all__ = ["CELLS", "ValidMap", "bounds_of", "footprint"]
