"""GDAL's environment of one call, and its errors in words for a user."""

from __future__ import annotations

import logging
import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import NodataShadowWarning, NotGeoreferencedWarning
from rasterio.io import DatasetReader
from rasterio.session import DummySession

from pipeline import objects
from pipeline.errors import PipelineError, RasterError
from pipeline.storage import gdal_options

_CACHE_BYTES = 16 * 2**20  # a few rows of blocks: as fast as more; GDAL's own grows with the machine
_DRIVERS = {"GTiff", "PNG", "JPEG", "JP2OpenJPEG", "VRT"}
_KINDS = "a GeoTIFF, PNG, JPEG, JPEG 2000 or VRT"
_MAGIC = {
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "BigTIFF",
    b"MM\0+": "BigTIFF",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
}
_SNIFF_BYTES = 1024
_ENDS_EARLY = re.compile(
    r"read error|premature end|failed to read directory|cannot read offset/size|io error during reading"
    r"|inconsistent with stream length|segment too long",
    re.IGNORECASE,
)
_DAMAGE = re.compile(r"corrupt jpeg|premature end|discarding \d+ bytes", re.IGNORECASE)


@contextmanager
def opened(uri: str) -> Iterator[DatasetReader]:
    """Open the raster at ``uri`` for reading, in GDAL's environment of this call.

    Raises:
        RasterError: it is missing, empty, not a raster, or damaged at its beginning.
    """
    with environment(remote=objects.is_remote(uri)):
        try:
            with _known_warnings_silenced():
                source = rasterio.open(_gdal_path(uri))
        except Exception as error:  # rasterio lets errors of many kinds through
            raise RasterError(f"{uri} {_why_not_opened(uri, error)}") from error
        with source:
            _check_kind(uri, source)
            yield source


@contextmanager
def environment(*, remote: bool = False) -> Iterator[None]:
    """Set GDAL's options for one call, but none that the user's environment has."""
    options: dict[str, Any] = {
        "GDAL_NUM_THREADS": 1,  # one core a task and an actor: the cluster counts them
        "GDAL_CACHEMAX": _CACHE_BYTES,
        "GDAL_ERROR_ON_LIBJPEG_WARNING": True,  # to libjpeg a file that ends early is but a warning
        "GDAL_PNG_WHOLE_IMAGE_OPTIM": False,  # that way of reading makes zeros of a PNG's missing end
    }
    if remote:
        options["GDAL_DISABLE_READDIR_ON_OPEN"] = "EMPTY_DIR"  # do not list a prefix of a million objects
        options |= gdal_options()
    missing = {name: value for name, value in options.items() if name not in os.environ}
    # rasterio's own session wants boto3 where it sees credentials; GDAL reads them itself.
    with rasterio.Env(session=DummySession(), **missing):
        yield


@contextmanager
def faults_as(sentence: str) -> Iterator[None]:
    """Turn what goes wrong into a RasterError of ``sentence`` and the reason, also what is only logged."""
    heard = _DamageHeard()
    log = logging.getLogger("rasterio")
    log.addHandler(heard)
    try:
        with _known_warnings_silenced():
            yield
    except Exception as error:
        raise RasterError(f"{sentence}: {_reason(error)}") from error
    finally:
        log.removeHandler(heard)
    if heard.messages:
        raise RasterError(f"{sentence}: the file is damaged ({heard.messages[0]})")


@contextmanager
def _known_warnings_silenced() -> Iterator[None]:
    """Silence what rasterio warns of and the pipeline has an answer to."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # its masks are laid out in pixels
        warnings.simplefilter("ignore", NodataShadowWarning)  # alpha is asked for besides nodata
        yield


class _DamageHeard(logging.Handler):
    """Collects what GDAL says in this thread of damaged pixels that it reads all the same."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.thread == self._thread and _DAMAGE.search(message):
            self.messages.append(message)


def _gdal_path(uri: str) -> str:
    """Return GDAL's name of a file: rasterio would open s3:// through boto3."""
    if uri.startswith("s3://"):
        return "/vsis3/" + uri.removeprefix("s3://")
    return uri if objects.is_remote(uri) else str(Path(uri.removeprefix("file://")).absolute())


def _check_kind(uri: str, source: DatasetReader) -> None:
    if source.driver not in _DRIVERS:  # of these it is known, by test, that a missing end is an error
        raise RasterError(f"{uri} is of GDAL's kind {source.driver}; convert it to {_KINDS}")
    if source.count == 0:
        raise RasterError(
            f"{uri} has no bands of its own but {len(source.subdatasets)} rasters inside: name one"
        )


def _why_not_opened(uri: str, error: Exception) -> str:
    """Say what is at ``uri`` instead of a raster; ``error`` is GDAL's."""
    try:
        beginning = objects.get_bytes(uri, limit_bytes=_SNIFF_BYTES)
    except FileNotFoundError:
        return "does not exist"
    except IsADirectoryError:
        return f"is a folder, not {_KINDS}"
    except PipelineError as refusal:
        return f"cannot be opened: {refusal}"
    return _described(beginning, error)


def _described(beginning: bytes, error: Exception) -> str:
    if not beginning:
        return "is an empty file (0 bytes)"
    for magic, kind in _MAGIC.items():
        if beginning.startswith(magic):
            return f"begins as a {kind} does, but is cut short or damaged: {_reason(error)}"
    if _is_text(beginning):
        return f"is a text file, not {_KINDS}"
    return f"is not {_KINDS}: {_reason(error)}"


def _is_text(beginning: bytes) -> bool:
    text = beginning.decode("utf-8", errors="ignore")
    return len(text.encode()) >= len(beginning) - 3 and all(  # a character may be cut at the end
        character.isprintable() or character.isspace() for character in text
    )


def _reason(error: BaseException) -> str:
    """Return the first cause of an error of rasterio's: what follows it only says that reading failed."""
    causes = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    text = " ".join(str(causes[-1]).split()) or type(causes[-1]).__name__
    early = any(_ENDS_EARLY.search(str(cause)) for cause in causes)
    return f"the file ends early, or its storage did not answer ({text})" if early else text
