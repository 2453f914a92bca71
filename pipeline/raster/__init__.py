"""Source rasters, as scenes are read from them; GDAL is reached by ``gdal`` alone.

Every call opens its file anew and closes it, so that no handle crosses a process and GDAL's cache never
holds more than one window. Whatever GDAL meets comes out as a RasterError with a text for the user: above
all a file that ends early must fail, and never read as zeros.
"""

from pipeline.geometry.chips import FILL
from pipeline.raster.dependencies import dependencies_of, read_infos, sidecars_of
from pipeline.raster.gdal.cogs import BandDescription, Color, create_cog
from pipeline.raster.gdal.rings import ring_in
from pipeline.raster.gdal.upright import is_north_up, write_north_up
from pipeline.raster.gdal.writing import RasterWriter, create
from pipeline.raster.headers import read_header, read_input
from pipeline.raster.labels import read_colours, read_integers
from pipeline.raster.outline import Outline, knows_crs, outline_of, outlined, windows_of
from pipeline.raster.reading import read, read_image, read_small, read_view, view_of
from pipeline.raster.view.describe import describe
from pipeline.raster.view.regrid import upsampling

__all__ = [
    "FILL",
    "BandDescription",
    "Color",
    "Outline",
    "RasterWriter",
    "create",
    "create_cog",
    "dependencies_of",
    "describe",
    "is_north_up",
    "knows_crs",
    "outline_of",
    "outlined",
    "read",
    "read_colours",
    "read_header",
    "read_image",
    "read_infos",
    "read_input",
    "read_integers",
    "read_small",
    "read_view",
    "ring_in",
    "sidecars_of",
    "upsampling",
    "view_of",
    "windows_of",
    "write_north_up",
]
