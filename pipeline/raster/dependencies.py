"""The files that a scene's pixels and georeference depend on besides those that it is named by.

They are what lies beside a raster by its name, the files of a virtual raster, and what lies beside these.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from pipeline.config import Reading
from pipeline.errors import PipelineError
from pipeline.raster.gdal.file_kinds import SNIFF_BYTES, plain_driver
from pipeline.raster.gdal.naming import uri_of_gdal
from pipeline.raster.opening import opened
from pipeline.raster.sidecars.names import Sidecars
from pipeline.raster.sidecars.vrt import LEVELS, MANY_NAMES, MARK, sources_of
from pipeline.raster.slides import is_slide
from pipeline.storage import objects
from pipeline.storage.access import Storage
from pipeline.storage.location import Location
from pipeline.storage.objects import ObjectInfo
from pipeline.storage.objects.scene_uris import file_of, is_zarr

_AT_ONCE = 16  # requests to a storage
_FEW = 8
_PLAIN = (".tif", ".tiff", ".jp2", ".jpg", ".jpeg", ".png")


def dependencies_of(uri: str, reading: Reading) -> list[str]:
    """Return what a raster depends on besides itself, sorted; of a Zarr and of a slide nothing.

    On another machine nothing is looked for beside a raster: GDAL does not look there either.

    Raises:
        RasterError: it is a virtual raster that is refused, or that names what is missing.
        PipelineError: the storage refused.
    """
    if is_zarr(uri) or is_slide(uri):
        return []
    uri = file_of(uri)
    around = Sidecars(reading.storage, MANY_NAMES)
    tiles = list(dict.fromkeys(_tiles(uri, reading))) if _is_virtual(uri, reading) else []
    lone = Sidecars(reading.storage)  # a folder of a million scenes is not listed for each of them
    return sorted({*tiles, *lone.of(uri), *(each for tile in tiles for each in around.of(tile))} - {uri})


def sidecars_of(files: Sequence[str], storage: Storage) -> set[str]:
    """Return what lies beside files by their names."""
    around = Sidecars(storage, MANY_NAMES if len(files) > _FEW else 1000)
    return {
        each
        for file in files
        if not is_zarr(file) and not is_slide(file)
        for each in around.of(file_of(file))
    }


def read_infos(files: Sequence[str], storage: Storage) -> list[ObjectInfo | None]:
    """Return size and etag of files, None of one that is not there.

    Raises:
        PipelineError: the storage refused.
    """
    there = [Location(file, storage) for file in files]
    if not any(map(objects.is_remote, files)):
        return [_info(file) for file in there]
    with ThreadPoolExecutor(_AT_ONCE) as askers:
        return list(askers.map(_info, there))


def _info(file: Location) -> ObjectInfo | None:
    try:
        return objects.info(file)
    except FileNotFoundError:
        return None


def _tiles(uri: str, reading: Reading, level: int = 0) -> Iterator[str]:
    """Yield the files of a virtual raster, those in it first to last; the author of a trusted one says which."""
    if reading.vrt == "inside":
        plain, virtual = sources_of(uri, reading)
        yield from (*plain, *virtual)
        return
    with opened(uri, reading) as source:
        found = [uri_of_gdal(name) for name in source.files]
    for file in found:
        if file is not None and file != uri and objects.exists(reading.at(file)):
            yield file
            if level < LEVELS and _is_virtual(file, reading):
                yield from _tiles(file, reading, level + 1)


def _is_virtual(uri: str, reading: Reading) -> bool:
    if "VRT" not in reading.drivers or (objects.is_remote(uri) and uri.lower().endswith(_PLAIN)):
        return False  # of a million objects none is asked for its beginning
    try:
        beginning = objects.get_bytes(reading.at(uri), limit_bytes=SNIFF_BYTES)
    except (PipelineError, OSError):
        return False  # what is wrong is said by who opens it
    return plain_driver(beginning) is None and MARK in beginning
