"""What the header of a raster says, and what its file is."""

from __future__ import annotations

from pipeline.config import PLAIN, Reading
from pipeline.errors import PipelineError, RasterError
from pipeline.geometry.scene import Header
from pipeline.raster.gdal.environment import Source, faults_as
from pipeline.raster.gdal.non_gdal import NonGdalRaster
from pipeline.raster.opening import opened
from pipeline.raster.retrying import read_with_retries
from pipeline.raster.slides import is_slide, slide_info, stated_pixel_m
from pipeline.raster.zarr import zarr_info
from pipeline.storage import objects
from pipeline.storage.objects import ObjectInfo
from pipeline.storage.objects.scene_uris import file_of, is_zarr


def read_header(uri: str, reading: Reading = PLAIN) -> Header:
    """Return what the raster at ``uri`` says of itself.

    Raises:
        RasterError: it cannot be opened as a raster.
    """

    def read() -> Header:
        with opened(uri, reading) as source, faults_as(f"cannot read the header of {uri}"):
            return header_of(source)

    return read_with_retries((uri,), read, reading)


def read_input(uri: str, reading: Reading = PLAIN) -> ObjectInfo:
    """Return the size and etag of the file at ``uri``, or of what a Zarr has there, without reading pixels.

    Raises:
        RasterError: there is none, or the storage refused.
    """
    try:
        if is_zarr(uri):
            return zarr_info(reading.at(uri))
        file = reading.at(file_of(uri))
        return slide_info(file) if is_slide(uri) else objects.info(file)
    except FileNotFoundError as error:
        raise RasterError(f"{uri} does not exist") from error
    except PipelineError as error:
        raise RasterError(str(error)) from error


def header_of(source: Source) -> Header:
    """Return what an open raster says of itself."""
    return Header(
        height=source.height,
        width=source.width,
        bands=source.count,
        dtype=source.dtypes[0],
        crs_wkt=source.crs.to_wkt() if source.crs and not source.transform.is_identity else None,
        transform=tuple(source.transform)[:6],
        nodata=None if source.nodata is None else float(source.nodata),
        pixel_m=_pixel_m(source),
    )


def _pixel_m(source: Source) -> tuple[float, float] | None:
    """Return a pixel's height and width in m by what the maker of a microscope's image says of it."""
    if isinstance(source, NonGdalRaster):
        return source.georeference().pixel_m
    return stated_pixel_m(source.tags().get("TIFFTAG_IMAGEDESCRIPTION", ""))
