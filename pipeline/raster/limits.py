"""What a file may ask of a worker, by its header alone: before any of its pixels is decoded."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from itertools import islice

import numpy as np

from pipeline.config import Reading
from pipeline.errors import PipelineError, RasterError
from pipeline.raster.gdal.door import Interleaving
from pipeline.raster.gdal.environment import Source
from pipeline.raster.gdal.non_gdal import ZARR, NonGdalRaster
from pipeline.raster.sidecars.vrt import sources_of
from pipeline.storage import objects
from pipeline.storage.objects.scene_uris import file_of

MAX_DIRECTORIES = 10_000
"""Pictures in one TIFF: GDAL searches all of them for overviews, a million take it 13 s and 1.2 GB."""

_FORMS = {42: (4, "H", 12, "L"), 43: (8, "Q", 20, "Q")}
"""By version, classic or big: where the first offset is, a count, the bytes of an entry, an offset."""
_ALWAYS_FINE_BYTES = 2**30  # a scene may hold this much decoded, however small its file is


def check_limits(uri: str, source: Source, reading: Reading) -> None:
    """Refuse a raster whose header asks for more than ``reading`` allows.

    Raises:
        RasterError: it does; the message names the limit's key.
    """
    pixels, bands = source.height * source.width, source.count
    check_pixels(uri, pixels, reading)
    _check(uri, bands, "bands", limit=reading.max_bands, key="max_bands")
    pixel_bytes = [np.dtype(dtype).itemsize for dtype in source.dtypes]
    together = sum(pixel_bytes) if source.interleaving is Interleaving.pixel else max(pixel_bytes)
    block_bytes = (
        source.block_bytes
        if isinstance(source, NonGdalRaster)
        else max(rows * cols for rows, cols in source.block_shapes) * together
    )
    _check(uri, block_bytes, "bytes in a block", limit=reading.max_block_bytes, key="max_block_bytes")
    decoded_bytes = pixels * sum(pixel_bytes)
    if decoded_bytes > _ALWAYS_FINE_BYTES:
        enough = decoded_bytes // reading.max_expansion + 1
        times = decoded_bytes // max(1, _stored_bytes(uri, source, reading, enough=enough))
        _check(uri, times, "times its bytes when decoded", limit=reading.max_expansion, key="max_expansion")


def check_pixels(uri: str, pixels: int, reading: Reading) -> None:
    """Refuse a scene of more pixels than ``reading`` allows, of its own or of the grid it is to be read on.

    Raises:
        RasterError: it has.
    """
    _check(uri, pixels, "pixels", limit=reading.max_pixels, key="max_pixels")


def check_directories(uri: str) -> None:
    """Refuse a local TIFF of more than ``MAX_DIRECTORIES`` pictures.

    Raises:
        RasterError: it has.
    """
    if objects.is_remote(uri):
        return  # each step would be a request; what is remote has read_timeout_s
    with open(objects.local_path(file_of(uri)), "rb") as file:  # noqa: PTH123 - of a uri
        if next(islice(directories(file), MAX_DIRECTORIES, None), None) is not None:
            raise RasterError(
                f"{uri} has more than {MAX_DIRECTORIES} TIFF directories: expected one scene a file"
            )


def directories(file: io.IOBase) -> Iterator[int]:
    """Yield where each directory of a TIFF begins, in bytes, until one comes again; nothing of any other file."""
    mark = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(mark[:2])
    if order is None or len(mark) < 16:  # noqa: PLR2004 - what was asked for
        return
    (version,) = struct.unpack(order + "H", mark[2:4])
    if version not in _FORMS:
        return
    at_byte, count_code, entry_bytes, offset_code = _FORMS[version]
    count_form, offset_form = struct.Struct(order + count_code), struct.Struct(order + offset_code)
    (offset,) = offset_form.unpack_from(mark, at_byte)
    seen: set[int] = set()
    while offset and offset not in seen:
        seen.add(offset)
        yield offset
        file.seek(offset)
        count = file.read(count_form.size)
        if len(count) < count_form.size:
            return  # GDAL will say what is wrong
        file.seek(offset + count_form.size + entry_bytes * count_form.unpack(count)[0])
        following = file.read(offset_form.size)
        offset = offset_form.unpack(following)[0] if len(following) == offset_form.size else 0


def _check(uri: str, found: int, what: str, *, limit: int, key: str) -> None:
    if found > limit:
        raise RasterError(
            f"{uri} has {found:,} {what} and {key} is {limit:,}: raise {key} where it is trusted"
        )


def files_of(uri: str, source: Source, reading: Reading) -> list[str]:
    """Return the files that hold a scene's pixels: those of a VRT, where they are known to lie beside it.

    Of a Zarr there is none.
    """
    if source.driver == ZARR:
        return []
    inside = source.driver == "VRT" and reading.vrt == "inside"
    return sources_of(uri, reading)[0] if inside else [uri]


def _stored_bytes(uri: str, source: Source, reading: Reading, *, enough: int) -> int:
    files = files_of(uri, source, reading)
    try:
        if isinstance(source, NonGdalRaster):
            return source.stored_bytes(enough)
        return sum(objects.info(reading.at(file_of(file))).size_bytes for file in files)
    except (OSError, PipelineError) as error:
        raise RasterError(f"cannot tell the size of {uri}: {error}") from error
