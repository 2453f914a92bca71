"""Warnings of a view: what the user, who may want to decide otherwise, is told of how a scene is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.config import Reading
from pipeline.geometry.areas import has_areas
from pipeline.geometry.scene import Header
from pipeline.geometry.view import Base
from pipeline.raster.gdal.environment import Source
from pipeline.raster.gdal.non_gdal import NonGdalRaster
from pipeline.raster.view.orientation import AS_STORED
from pipeline.raster.view.regrid import upsampling
from pipeline.raster.view.validity import may_hold
from pipeline.storage.objects.scene_uris import page_of


def header_warnings(uri: str, source: Source, header: Header, reading: Reading) -> Iterator[str]:
    """Yield what there is to say of a file by its header, and of what the user says of its pixels."""
    if header.crs_wkt is None and source.crs:
        yield "a CRS is stated, and no transform to it: the scene has no place, so there are no areas"
    elif header.crs_wkt is None:
        points = "; its ground control points state none either" if source.gcps[0] else ""
        yield f"no CRS is stated, so there are no areas{points}"
    elif not has_areas(header):
        yield "its CRS has no place on earth, or PROJ cannot transform it, so there are no areas"
    if reading.value_range is not None and source.dtypes[0] == "uint8":
        yield "range is left out: 8 bits are read as they are"
    nodata = reading.nodata
    if isinstance(nodata, int | float) and not any(may_hold(dtype, nodata) for dtype in source.dtypes):
        yield f"nodata {nodata} is no value of {source.dtypes[0]}, so nothing is without data by it"
    yield from _pages(uri, source)
    if isinstance(source, NonGdalRaster):
        yield from source.georeference().warnings


def grid_warnings(
    header: Header, base: Base | None, reading: Reading, *, orientation: int, overviews: int
) -> Iterator[str]:
    """Yield what there is to say of a ground size, of how a picture is turned, and of overviews that cannot be used."""
    if (times := upsampling(base)) > 1:
        pixels = (
            f"{times:.3g} x {times:.3g} pixels are made of each, {header.height * header.width / 1e6:.1f} Mpx"
        )
        yield f"gsd {reading.gsd_m:g} m is finer than the scene: {pixels}, and they show no more"
    if orientation != AS_STORED:
        yield f"turned upright as its orientation {orientation} says: rows and columns are not those of the file"
    if overviews:
        yield f"{overviews} of its overviews do not have its no data: finer pixels are read instead, which takes longer"


def _pages(uri: str, source: Source) -> Iterator[str]:
    """Say how many pages a TIFF has, or rasters another file, and how the second is named."""
    names: Sequence[str] = source.subdatasets if page_of(uri) is None else ()
    if len(names) > 1:
        page = page_of(names[1])
        named = f"name another as GTIFF_DIR:{page}:{uri}" if page else f"another is {names[1]}"
        yield f"it has {len(names)} pages, of which the first is read: {named}"
