"""What of rasterio the rooms above use, and no more of it: all of it passes here."""

from rasterio import Affine, Env
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, Interleaving, MaskFlags
from rasterio.errors import CRSError, RasterioIOError
from rasterio.features import rasterize
from rasterio.io import DatasetReader
from rasterio.session import DummySession
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform, transform_bounds

__all__ = [
    "CRS",
    "Affine",
    "CRSError",
    "ColorInterp",
    "DatasetReader",
    "DummySession",
    "Env",
    "Interleaving",
    "MaskFlags",
    "RasterioIOError",
    "WarpedVRT",
    "rasterize",
    "transform",
    "transform_bounds",
]
