"""What must not be beside a raster, or in it: names of other files that GDAL would follow. See ``sidecars``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from pipeline.errors import PipelineError, RasterError
from pipeline.raster.gdal.door import DatasetReader, RasterioIOError
from pipeline.raster.gdal.environment import known_warnings_silenced
from pipeline.raster.gdal.file_kinds import SNIFF_BYTES, plain_driver
from pipeline.raster.gdal.naming import gdal_path
from pipeline.raster.sidecars.names import Sidecars, is_raster
from pipeline.storage import objects
from pipeline.storage.access import Storage
from pipeline.storage.location import Location

_IMAGINE = b"EHFA_HEADER_TAG"
_FOLLOWED = {"OVERVIEWS": ("OVERVIEW_FILE",), "GEOLOCATION": ("X_DATASET", "Y_DATASET")}


def check_sidecars(uri: str, sidecars: Sidecars, drivers: Sequence[str]) -> None:
    """Refuse a raster that has something beside it by which GDAL would reach a file of another name.

    Raises:
        RasterError: it has; the message names the file.
    """
    for file in sidecars.of(uri):
        _check_link(uri, file)
        if (
            file.lower().endswith(".aux")
            and "HFA" not in drivers
            and _starts(file, sidecars.storage).startswith(_IMAGINE)
        ):
            raise _refusal(uri, f"{file}, an ERDAS Imagine file, which is none of the drivers allowed")
        if is_raster(file):
            if plain_driver(_starts(file, sidecars.storage)) != "GTiff":
                raise _refusal(uri, f"{file}, which is no TIFF")
            _check_unopened(file, ("GTiff",), sidecars.storage, _state(file, sidecars))


def check_unopened(uri: str, sidecars: Sidecars, drivers: Sequence[str]) -> None:
    """Do as ``check_sidecars`` and ``check_opened`` do, with a raster that GDAL will open itself.

    Raises:
        RasterError: it is refused.
    """
    check_sidecars(uri, sidecars, drivers)
    _check_unopened(uri, tuple(drivers), sidecars.storage, _state(uri, sidecars))


def check_opened(uri: str, source: DatasetReader) -> None:
    """Refuse a raster that names a file to be opened for its overviews, or for where its pixels lie.

    It must be called before anything is asked of overviews, masks or georeferences: names are followed then.

    Raises:
        RasterError: it does.
    """
    for domain, names in _FOLLOWED.items():
        if domain == "GEOLOCATION" and not source.rpcs:
            continue  # a swath that is read as it lies
        found = {name.upper(): value for name, value in source.tags(ns=domain).items()}
        for name in names:
            if name in found:
                raise RasterError(
                    f"{uri} (or its .aux.xml) names {found[name]!r} as its {name}, and no file of another name is "
                    "opened: take it out"
                )


@lru_cache(maxsize=65_536)
def _check_unopened(uri: str, drivers: tuple[str, ...], storage: Storage, state: object) -> None:
    """Open a raster as GDAL will, and look for names; once in a process as long as its ``state`` is the same."""
    del storage, state
    gdals = [driver for driver in drivers if driver in {"GTiff", "PNG", "JPEG", "JP2OpenJPEG"}]
    with known_warnings_silenced():
        try:
            source = DatasetReader(gdal_path(uri), driver=gdals, sharing=False)
        except RasterioIOError:
            return  # GDAL will not open it either
        with source:
            check_opened(uri, source)


def _state(uri: str, sidecars: Sidecars) -> object:
    if objects.is_remote(uri):
        return None
    stats = [Path(file).stat() for file in (uri, *sidecars.of(uri))]
    return tuple((each.st_ino, each.st_size, each.st_mtime_ns) for each in stats)


def _check_link(uri: str, file: str) -> None:
    """Refuse a link beside a raster that leads out of its folder, and of the one that the raster's own leads to."""
    if objects.is_remote(file):
        return
    target = Path(file).resolve()
    folders = (Path(uri).absolute().parent.resolve(), Path(uri).resolve().parent)
    if not any(target.is_relative_to(folder) for folder in folders):
        raise _refusal(uri, f"{file}, a link to {target}")
    if not target.is_file():
        raise _refusal(uri, f"{file}, which is no file")


def _starts(file: str, storage: Storage) -> bytes:
    try:
        return objects.get_bytes(Location(file, storage), limit_bytes=SNIFF_BYTES)
    except (OSError, PipelineError) as error:
        raise RasterError(f"cannot read {file}: {error}") from error


def _refusal(uri: str, what: str) -> RasterError:
    return RasterError(f"{uri} has beside it {what}: take it away, or name it otherwise")
