"""The camera's orientation, by what a file says of itself where no library of ours reads it."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import islice

from pipeline.config import Reading
from pipeline.errors import PipelineError
from pipeline.raster.gdal.environment import Source
from pipeline.raster.gdal.non_gdal import NonGdalRaster
from pipeline.raster.limits import directories
from pipeline.storage import objects
from pipeline.storage.objects.scene_uris import file_of, page_of

AS_STORED = 1
_LAST = 8
_TAG, _SHORT = 274, 3  # of TIFF: what EXIF's block is one of
_XMP = re.compile(r"tiff:Orientation(?:=\"|>)([1-8])")
_PNG_BYTES = 8
_EXIF_BYTES = 2**16


def orientation_of(uri: str, source: Source, reading: Reading) -> int:
    """Return EXIF's number (1 to 8) of how the picture at ``uri``, which is open, was stored: 1 where nothing says so.

    What lies anywhere on the ground is as it is stored, whatever it says beside that.
    """
    if isinstance(source, NonGdalRaster) or not source.transform.is_identity or source.gcps[0] or source.rpcs:
        return AS_STORED
    found = (
        source.tags().get("EXIF_Orientation")
        if source.driver == "JPEG"
        else _in_file(uri, source.driver, reading)
    )
    if found is None:
        xmp = _XMP.search(str(source.tags(ns="xml:XMP")))
        found = xmp[1] if xmp else None
    number = int(str(found)) if str(found).isdecimal() else AS_STORED
    return number if AS_STORED <= number <= _LAST else AS_STORED


def _in_file(uri: str, driver: str, reading: Reading) -> int | None:
    """Search for the tag in a file of which GDAL does not tell it; what is damaged there tells nothing."""
    readers: Mapping[str, Callable[[io.IOBase], int | None]] = {
        "GTiff": lambda file: of_tiff(file, page=page_of(uri) or 1),
        "PNG": lambda file: _of_png(file, whole=not objects.is_remote(uri)),
    }
    if driver not in readers:
        return None
    with (
        suppress(PipelineError, OSError, struct.error, ValueError),
        objects.opened_object(reading.at(file_of(uri))) as file,
    ):
        return readers[driver](file)
    return None


def of_tiff(file: io.IOBase, *, page: int = 1) -> int | None:
    """Return the orientation that a TIFF's directory states, None where it does not."""
    offset = next(islice(directories(file), page - 1, None), None)
    if offset is None:
        return None
    file.seek(0)
    mark = file.read(4)
    order = "<" if mark[:2] == b"II" else ">"
    big = struct.unpack(order + "H", mark[2:])[0] == 43  # noqa: PLR2004 - BigTIFF's version
    count_form, entry = struct.Struct(order + ("Q" if big else "H")), struct.Struct(order + "HH")
    size = 20 if big else 12
    file.seek(offset)
    (count,) = count_form.unpack(file.read(count_form.size))
    entries = file.read(min(count, 2**16) * size)
    for start in range(0, len(entries) - size + 1, size):
        if entry.unpack_from(entries, start) == (_TAG, _SHORT):
            return int(struct.unpack_from(order + "H", entries, start + size - (8 if big else 4))[0])
    return None


def _of_png(file: io.IOBase, *, whole: bool) -> int | None:
    """Return what the chunk eXIf states; behind the pixels it is looked for in a ``whole`` file that is at hand."""
    file.seek(_PNG_BYTES)
    while len(head := file.read(8)) == 8:  # noqa: PLR2004 - length and name
        length, name = struct.unpack(">I4s", head)
        if name == b"eXIf":
            return of_tiff(io.BytesIO(file.read(min(length, _EXIF_BYTES)).removeprefix(b"Exif\0\0")))
        if name == b"IDAT" and not whole:
            return None
        file.seek(length + 4, io.SEEK_CUR)
    return None
