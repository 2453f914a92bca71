"""The door to OpenSlide: whole-slide images that GDAL does not know as rasters, from local files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from pipeline.errors import RasterError
from pipeline.geometry.grid import squares
from pipeline.geometry.window import Window
from pipeline.raster.gdal.door import ColorInterp
from pipeline.raster.gdal.non_gdal import OPENSLIDE, Area, Georeference, NonGdalRaster
from pipeline.storage import objects
from pipeline.storage.location import Location
from pipeline.storage.objects import ObjectInfo

SUFFIXES = (".ndpi", ".mrxs", ".scn", ".bif", ".svslide", ".vms", ".vmu", ".czi", ".dcm")
"""What a slide's name ends with; SVS is a TIFF, which GDAL reads in any storage."""

_BANDS = 4  # red, green, blue, alpha
_BLOCK_PX = 512
_SIDES = ("height", "width")
_MICROMETRE = 1e-6
_MPP = re.compile(r"\|\s*MPP\s*=\s*([0-9.]+)")


def is_slide(uri: str) -> bool:
    """Tell by its name whether ``uri`` is a slide."""
    return uri.lower().endswith(SUFFIXES)


@contextmanager
def opened_slide(location: Location, overview: int | None) -> Iterator[NonGdalRaster]:
    """Open the slide at a location, or its ``overview`` (from 0).

    Raises:
        RasterError: OpenSlide is not installed, or the slide is on another machine.
        Exception: OpenSlide's own, where it does not know the file.
    """
    uri = location.uri
    openslide = _openslide(uri)
    if objects.is_remote(uri):
        raise RasterError(f"{uri} is a slide on another machine: copy it to a path that all workers see")
    path = Path(objects.local_path(uri))
    if not path.is_file():
        raise RasterError(f"{uri} {'is a folder' if path.is_dir() else 'does not exist'}: expected a slide")
    with openslide.OpenSlide(path) as slide:
        level = 0 if overview is None else overview + 1
        shapes = [(height, width) for width, height in slide.level_dimensions]
        tile = [int(slide.properties.get(f"openslide.level[{level}].tile-{one}", 1)) for one in _SIDES]
        yield NonGdalRaster(
            driver=OPENSLIDE,
            shape=shapes[level],
            dtype="uint8",
            colorinterp=(ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha),
            read_area=partial(_read, slide, level),
            levels=lambda: shapes[1:],
            georeference=lambda: Georeference(pixel_m=_pixel_m(slide.properties)),
            stored_bytes=lambda _: slide_info(location).size_bytes,
            block_shape=(_BLOCK_PX, _BLOCK_PX),
            block_bytes=_BANDS * max(_BLOCK_PX**2, tile[0] * tile[1]),
            descriptions=(None,) * _BANDS,
        )


def slide_info(location: Location) -> ObjectInfo:
    """Return size and etag of a slide, with those of the folder of its name, where Mirax has its pixels.

    Raises:
        FileNotFoundError: there is none.
        PipelineError: the storage refused.
    """
    own = objects.info(location)
    if not location.uri.lower().endswith(".mrxs"):
        return own
    beside = objects.folder_info(location.at(location.uri[: -len(".mrxs")]))
    return ObjectInfo(own.size_bytes + beside.size_bytes, f"{own.etag}-{beside.etag}")


def stated_pixel_m(description: str) -> tuple[float, float] | None:
    """Return a pixel's height and width in m by what Aperio's scanners write into a TIFF, None where it is not.

    >>> stated_pixel_m("Aperio Image Library|AppMag = 20|MPP = 0.5")
    (5e-07, 5e-07)
    """
    found = _MPP.search(description) if description.startswith("Aperio") else None
    try:
        side = float(found[1]) * _MICROMETRE if found else 0.0
    except ValueError:
        return None
    return (side, side) if side > 0 else None


def _openslide(uri: str) -> Any:  # noqa: ANN401 - it may not be installed
    try:
        import openslide  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise RasterError(
            f"{uri} is a slide, which is read by OpenSlide, and that is not installed here ({error}): "
            "pip install 'mrovseg[slides]'"
        ) from error
    return openslide


def _pixel_m(properties: Any) -> tuple[float, float] | None:  # noqa: ANN401 - a mapping of OpenSlide's
    try:
        high, wide = (float(properties[f"openslide.mpp-{axis}"]) * _MICROMETRE for axis in "yx")
    except (KeyError, ValueError):
        return None
    return (high, wide) if high > 0 and wide > 0 else None


def _read(slide: Any, level: int, numbers: Sequence[int], area: Area) -> Shaped[np.ndarray, "bands y x"]:  # noqa: ANN401
    """Read bands of an area, in squares that are anchored at the slide's origin.

    Of a level OpenSlide reads from a position in pixels of the slide itself, and between two pixels of the level it
    interpolates: each square has one position, whatever window it is read for.
    """
    (top, bottom), (left, right) = area
    wanted = Window(top, left, bottom - top, right - left)
    columns, rows = slide.level_dimensions[level]
    factor = slide.level_downsamples[level]
    found = np.empty((*wanted.shape, _BANDS), np.uint8)
    for square in squares(wanted, side_px=_BLOCK_PX):
        height, width = min(_BLOCK_PX, rows - square.row_off), min(_BLOCK_PX, columns - square.col_off)
        begins = round(square.col_off * factor), round(square.row_off * factor)
        pixels = np.asarray(slide.read_region(begins, level, (width, height)))
        part = Window(square.row_off, square.col_off, height, width).intersection(wanted)
        if part is not None:
            found[part.slices_in(wanted)] = pixels[part.slices_in(square)]
    return np.moveaxis(found, -1, 0)[[number - 1 for number in numbers]]
