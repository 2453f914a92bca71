"""Open a file as a raster of an allowed kind, and say in words what is there instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pipeline.config import PLAIN, Reading
from pipeline.errors import PipelineError, RasterError
from pipeline.raster.gdal.door import DatasetReader
from pipeline.raster.gdal.environment import Source, environment, faults_as, known_warnings_silenced, reason
from pipeline.raster.gdal.file_kinds import MAGIC, SNIFF_BYTES, found_instead, wanted
from pipeline.raster.gdal.naming import gdal_path
from pipeline.raster.gdal.non_gdal import OPENSLIDE, ZARR, NonGdalRaster
from pipeline.raster.sidecars.checks import check_opened, check_sidecars
from pipeline.raster.sidecars.names import Sidecars
from pipeline.raster.sidecars.vrt import MARK, rebuilt
from pipeline.raster.slides import is_slide, opened_slide
from pipeline.raster.zarr import opened_zarr
from pipeline.storage import objects
from pipeline.storage.location import Location
from pipeline.storage.objects.scene_uris import file_of, is_zarr, page_of

NO_RANGES = (
    "cannot be read where it is: its server answers with all of a file instead of the part that is asked for (HTTP "
    "ranges). Download it, or serve it by a server that knows them"
)


@contextmanager
def opened(
    uri: str,
    reading: Reading = PLAIN,
    *,
    overview: int | None = None,
) -> Iterator[Source]:
    """Open the raster at ``uri`` (or its ``overview``, from 0) for reading, in GDAL's environment of this call.

    What is a Zarr or a slide by its name is opened by a library of its own.

    Raises:
        RasterError: it is missing, empty, not a raster of an allowed kind, damaged at its beginning, or a
            virtual raster that names what it must not.
    """
    _check_regular(file_of(uri))
    with environment(reading.storage if objects.is_remote(uri) else None):
        if is_zarr(uri) or is_slide(uri):
            with _opened_otherwise(uri, reading, overview) as non_gdal:
                yield non_gdal
            return
        with ExitStack() as stack:
            try:
                with known_warnings_silenced():
                    source = _open(uri, reading, overview, stack)
            except PipelineError:
                raise
            except Exception as error:  # rasterio lets errors of many kinds through
                raise RasterError(f"{uri} {_why_not_opened(uri, reading, error)}") from error
            if source.count == 0:
                raise RasterError(f"{uri} {_inside(source.subdatasets)}")
            yield source


def _check_regular(uri: str) -> None:
    try:
        objects.check_regular(uri)
    except PipelineError as error:
        raise RasterError(str(error)) from error


@contextmanager
def _opened_otherwise(uri: str, reading: Reading, overview: int | None) -> Iterator[NonGdalRaster]:
    name = ZARR if is_zarr(uri) else OPENSLIDE
    if name not in reading.drivers:
        raise RasterError(f"{uri} is opened by {name}, which is none of the drivers allowed")
    if objects.is_web(uri) and name == ZARR:
        raise RasterError(
            f"{uri} is a Zarr by HTTP, where nothing can be listed: name it by s3:// or its like"
        )
    with ExitStack() as stack:
        with faults_as(f"cannot open {uri}"):
            if name == ZARR:
                found = opened_zarr(uri, reading, overview)
            else:
                found = stack.enter_context(opened_slide(reading.at(uri), overview))
        yield found


def _open(uri: str, reading: Reading, overview: int | None, stack: ExitStack) -> DatasetReader:
    # VRTs apart: only a file that is of no other kind is read here, and GDAL gets what was understood of it.
    path, options = gdal_path(uri), {} if overview is None else {"OVERVIEW_LEVEL": overview}
    if not objects.is_remote(uri):
        _check_file(Path(gdal_path(file_of(uri))))
    check_sidecars(file_of(uri), Sidecars(reading.storage), reading.drivers)
    drivers = [driver for driver in _gdals(reading) if driver != "VRT"]
    try:
        source = stack.enter_context(DatasetReader(path, driver=drivers, sharing=False))
    except Exception:
        if "VRT" not in reading.drivers or page_of(uri) or MARK not in _beginning(reading.at(file_of(uri))):
            raise
        trusted = reading.vrt == "anywhere"
        path = path if trusted else stack.enter_context(rebuilt(uri, reading))
        return stack.enter_context(DatasetReader(path, driver=["VRT"], sharing=False, **options))
    check_opened(uri, source)
    if overview is None:
        return source
    source.close()
    return stack.enter_context(DatasetReader(path, driver=drivers, sharing=False, **options))


def _check_file(path: Path) -> None:
    """Refuse what is no file: what a link to nothing has for a name GDAL would open."""
    if not path.is_file():
        raise FileNotFoundError(path)


def _gdals(reading: Reading) -> list[str]:
    return [driver for driver in reading.drivers if driver not in (ZARR, OPENSLIDE)]


def _inside(names: Sequence[str]) -> str:
    """Say what to do about a file that has no bands of its own but other rasters, which GDAL names."""
    first = f", such as {names[0]}" if names else ""
    return f"has no bands of its own but {len(names)} rasters inside{first}: write the one that is wanted as a GeoTIFF"


def lacks_ranges(file: Location) -> bool:
    """Tell whether a file is of a server of the web that answers only with all of it."""
    try:
        return not objects.serves_ranges(file)
    except (PipelineError, OSError):
        return False


def _beginning(file: Location) -> bytes:
    try:
        return objects.get_bytes(file, limit_bytes=SNIFF_BYTES)
    except (PipelineError, OSError):
        return b""  # why, is found out again where it is said


def _why_not_opened(uri: str, reading: Reading, error: Exception) -> str:
    """Say what is at ``uri`` instead of a raster; ``error`` is GDAL's."""
    expected, file = wanted(_gdals(reading)), reading.at(file_of(uri))
    try:
        beginning = objects.get_bytes(file, limit_bytes=SNIFF_BYTES)
    except FileNotFoundError:
        return "does not exist"
    except IsADirectoryError:
        return f"is a folder, not {expected}"
    except PipelineError as refusal:
        return f"cannot be opened: {refusal}"
    if lacks_ranges(file):
        return NO_RANGES
    if page_of(uri) is not None and beginning.startswith(tuple(MAGIC)):
        return f"is no page of {file}: {reason(error)}"
    return found_instead(beginning, expected=expected, error=error)
