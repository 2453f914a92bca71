"""Source rasters: the door to rasterio and GDAL.

Every call opens its file anew and closes it, so that no handle crosses a process and GDAL's cache never
holds more than one window. Whatever GDAL meets comes out as a RasterError with a text for the user: above
all a file that ends early must fail, and never read as zeros.
"""

from pipeline.geometry.chips import FILL
from pipeline.raster.describe import describe, read_header, read_input
from pipeline.raster.labels import read_colours, read_levels
from pipeline.raster.members import beside, new_beside, read_beside
from pipeline.raster.outline import Outline, knows_crs, outline_of, outlined, windows_of
from pipeline.raster.reading import look, read, read_image, read_small, read_view
from pipeline.raster.regrid import upsampling
from pipeline.raster.writing import RasterWriter, create

__all__ = [
    "FILL",
    "Outline",
    "RasterWriter",
    "beside",
    "create",
    "describe",
    "knows_crs",
    "look",
    "new_beside",
    "outline_of",
    "outlined",
    "read",
    "read_beside",
    "read_colours",
    "read_header",
    "read_image",
    "read_input",
    "read_levels",
    "read_small",
    "read_view",
    "upsampling",
    "windows_of",
]
