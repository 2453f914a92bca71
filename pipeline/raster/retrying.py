"""Reading with retries what a storage broke off in the midst.

GDAL itself repeats what a server refuses for now. But it takes an answer that ends early for the end of the file, says
that the file is damaged, and keeps what came in its cache: every later read in the same process would fail alike.

It keeps what it read of an object that has been replaced since, too, and would make one image of two. So it is told to
forget an object whose etag is another one than at the last time, and S3 is asked for what has that etag and for nothing
else (If-Match). Of other storages GDAL can be given no condition that is of one file: what was read of these is checked
afterwards alone, see ``pipeline.flow.scene_inputs``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TypeVar

from pipeline.config import Reading
from pipeline.errors import PipelineError, RasterError
from pipeline.raster.gdal.door import DatasetReader, DummySession, Env
from pipeline.raster.gdal.environment import environment
from pipeline.raster.gdal.naming import gdal_path
from pipeline.raster.opening import NO_RANGES, lacks_ranges
from pipeline.storage import objects
from pipeline.storage.objects.scene_uris import file_of, is_zarr
from pipeline.storage.retry import pauses_s

T = TypeVar("T")

_ATTEMPTS = 5  # all fail once in 100,000 where one in ten does; a file that is truly damaged costs as many


_READ: dict[str, str] = {}
"""By uri the etag of what GDAL may keep in this process; empty where it was read without one."""


def read_with_retries(
    uris: Sequence[str], call: Callable[[], T], reading: Reading, *, etags: Mapping[str, str] | None = None
) -> T:
    """Return what ``call`` reads of the files at ``uris``, read anew where GDAL failed and one is on another machine.

    ``etags`` are those of all files that it reads, where they are known. Before each further attempt the storage has
    to answer, which is waited for as long as ``retry`` says.

    Raises:
        RasterError: it still cannot be read, or what is wrong with it is not GDAL's to say.
    """
    etags = {file_of(uri): etag for uri, etag in (etags or {}).items()}
    named = [file_of(uri) for uri in (etags or uris)]
    remote = [uri for uri in named if objects.is_remote(uri) and not is_zarr(uri)]
    if not remote:
        return call()
    with _only_if(etags):
        return _retried(remote, call, _replaced(remote, etags), reading)


def _retried(remote: Sequence[str], call: Callable[[], T], replaced: Sequence[str], reading: Reading) -> T:
    try:
        with _forgetting(replaced, reading):
            return call()
    except RasterError as error:
        first = _of_gdal(error)
    for uri in remote:
        if lacks_ranges(reading.at(uri)):
            raise RasterError(f"{uri} {NO_RANGES}") from first
    for pause_s in islice(pauses_s(), _ATTEMPTS - 2):
        _wait_for(remote, first, reading)
        time.sleep(pause_s)
        with suppress(RasterError), _forgetting(remote, reading):
            return call()
    with _forgetting(remote, reading):
        return call()


def _replaced(remote: Sequence[str], etags: Mapping[str, str]) -> list[str]:
    """Return the files of which GDAL may keep something that is of another etag; note what it reads now."""
    found = [uri for uri in remote if uri in _READ and uri in etags and _READ[uri] != etags[uri]]
    for uri in remote:
        _READ[uri] = etags.get(uri, _READ.get(uri, ""))
    return found


@contextmanager
def _only_if(etags: Mapping[str, str]) -> Iterator[None]:
    """Have S3 answer with one object as it was and with no other: GDAL's headers are those of all its requests."""
    (uri, etag), *others = etags.items() or [("", "")]
    if others or not etag or not uri.startswith(("s3://", "s3a://")) or "GDAL_HTTP_HEADERS" in os.environ:
        yield
        return
    with Env(session=DummySession(), GDAL_HTTP_HEADERS=f'If-Match: "{etag}"'):
        yield


def _of_gdal(error: RasterError) -> RasterError:
    """Return the error where it is of GDAL's making, and may be of an answer that was broken off."""
    if error.__cause__ is None or isinstance(error.__cause__, PipelineError):
        raise error
    return error


def _wait_for(uris: Sequence[str], error: RasterError, reading: Reading) -> None:
    """Return when the storage answers; raise ``error`` where it refuses, or has no such file."""
    for uri in uris:
        try:
            objects.info(reading.at(uri))
        except (PipelineError, OSError):
            raise error from error.__cause__


@contextmanager
def _forgetting(uris: Sequence[str], reading: Reading) -> Iterator[None]:
    """Have GDAL forget what it keeps of the files at ``uris``, and of what lies beside them as soon as it is closed."""
    if not uris:
        yield
        return
    paths = [gdal_path(uri) for uri in uris]
    folders = ":".join(sorted({path.rpartition("/")[0] for path in paths}))
    with (
        environment(reading.storage),
        Env(session=DummySession(), CPL_VSIL_CURL_NON_CACHED=folders),
    ):
        for path in paths:
            with suppress(Exception):  # what is there is said by who reads it
                DatasetReader(path, driver=["GTiff"]).close()
        yield
