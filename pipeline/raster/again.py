"""Reading again what a storage broke off in the midst.

GDAL itself repeats what a server refuses for now. But it takes an answer that ends early for the end of the file, says
that the file is damaged, and keeps what came in its cache: every later read in the same process would fail alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TypeVar

import rasterio
from rasterio.io import DatasetReader
from rasterio.session import DummySession

from pipeline import objects
from pipeline.errors import PipelineError, RasterError
from pipeline.raster.gdal import environment
from pipeline.raster.opening import NO_RANGES, gdal_path, lacks_ranges
from pipeline.retry import pauses_s

T = TypeVar("T")

_ATTEMPTS = 5  # all fail once in 100,000 where one in ten does; a file that is truly damaged costs as many


def again(uris: Sequence[str], call: Callable[[], T]) -> T:
    """Return what ``call`` reads of the files at ``uris``, read anew where GDAL failed and one is on another machine.

    Before each further attempt the storage has to answer, which is waited for as long as ``retry`` says.

    Raises:
        RasterError: it still cannot be read, or what is wrong with it is not GDAL's to say.
    """
    remote = [uri for uri in uris if objects.is_remote(uri)]
    if not remote:
        return call()
    try:
        return call()
    except RasterError as error:
        first = _of_gdal(error)
    for uri in remote:
        if lacks_ranges(uri):
            raise RasterError(f"{uri} {NO_RANGES}") from first
    for pause_s in islice(pauses_s(), _ATTEMPTS - 2):
        _wait_for(remote, first)
        time.sleep(pause_s)
        with suppress(RasterError), _forgetting(remote):
            return call()
    with _forgetting(remote):
        return call()


def _of_gdal(error: RasterError) -> RasterError:
    """Return the error where it is of GDAL's making, and may be of an answer that was broken off."""
    if error.__cause__ is None or isinstance(error.__cause__, PipelineError):
        raise error
    return error


def _wait_for(uris: Sequence[str], error: RasterError) -> None:
    """Return when the storage answers; raise ``error`` where it refuses, or has no such file."""
    for uri in uris:
        try:
            objects.info(uri)
        except (PipelineError, OSError):
            raise error from error.__cause__


@contextmanager
def _forgetting(uris: Sequence[str]) -> Iterator[None]:
    """Have GDAL forget what it keeps of the files at ``uris``, and of what lies beside them as soon as it is closed."""
    paths = [gdal_path(uri) for uri in uris]
    folders = ":".join(sorted({path.rpartition("/")[0] for path in paths}))
    with (
        environment(remote=True),
        rasterio.Env(session=DummySession(), CPL_VSIL_CURL_NON_CACHED=folders),
    ):
        for path in paths:
            with suppress(Exception):  # what is there is said by who reads it
                DatasetReader(path, driver=["GTiff"]).close()
        yield
