"""Source rasters: the door to rasterio and GDAL.

Every call opens its file anew and closes it, so that no handle crosses a process and GDAL's cache never
holds more than one window. Whatever GDAL meets comes out as a RasterError with a text for the user: above
all a file that ends early must fail, and never read as zeros.
"""

from pipeline.chips import FILL
from pipeline.raster.describe import describe, read_header, read_input
from pipeline.raster.members import beside, new_beside, read_beside
from pipeline.raster.outline import Outline, outline_of, outlined, windows_of
from pipeline.raster.reading import look, read, read_levels, read_small, read_view
from pipeline.raster.regrid import ground_size_m
from pipeline.raster.writing import RasterWriter, create

__all__ = [
    "FILL",
    "Outline",
    "RasterWriter",
    "beside",
    "create",
    "describe",
    "ground_size_m",
    "look",
    "new_beside",
    "outline_of",
    "outlined",
    "read",
    "read_beside",
    "read_header",
    "read_input",
    "read_levels",
    "read_small",
    "read_view",
    "windows_of",
]
