"""GDAL's environment of one call, and its errors in words for a user."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import rasterio
from rasterio.errors import NodataShadowWarning, NotGeoreferencedWarning
from rasterio.io import DatasetReader
from rasterio.session import DummySession
from rasterio.vrt import WarpedVRT

from pipeline.errors import RasterError
from pipeline.known_warnings import silenced
from pipeline.raster.gdal.gdal_quirks import says_damaged, says_ends_early
from pipeline.raster.gdal.non_gdal import NonGdalRaster
from pipeline.raster.gdal.oriented import Oriented
from pipeline.storage.access import S3_KEYS, Storage, gdal_options

Source = DatasetReader | WarpedVRT | NonGdalRaster | Oriented
"""A raster that is open: as it is, warped or oriented, or of another library."""

_CACHE_BYTES = 16 * 2**20  # a few rows of blocks: as fast as more; GDAL's own grows with the machine
_BARE = (
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
)  # their texts alone say nothing, such as 'x'


@contextmanager
def environment(storage: Storage | None = None) -> Iterator[None]:
    """Set GDAL's options for one call, and those of a storage on another machine; none that the environment has.

    What ``storage`` says itself goes before the environment.
    """
    options: dict[str, Any] = {
        "GDAL_NUM_THREADS": 1,  # one core a task and an actor: the cluster counts them
        "GDAL_CACHEMAX": _CACHE_BYTES,
        "GDAL_ERROR_ON_LIBJPEG_WARNING": True,  # to libjpeg a file that ends early is but a warning
        "GDAL_PNG_WHOLE_IMAGE_OPTIM": False,  # that way of reading makes zeros of a PNG's missing end
    }
    missing = {name: value for name, value in options.items() if name not in os.environ}
    if storage is not None:
        missing |= gdal_options(storage)
    session = _Keys({name: missing.pop(name) for name in S3_KEYS if name in missing})
    with rasterio.Env(session=session, **missing) as entered:
        entered.credentialize()
        yield


class _Keys(DummySession):  # type: ignore[misc]  # rasterio has no types
    """A session of S3's keys, which rasterio takes from a session alone; without any GDAL reads them itself.

    rasterio's own session wants boto3 where it sees credentials.
    """

    def __init__(self, keys: Mapping[str, str]) -> None:
        super().__init__()
        self._keys = keys

    def get_credential_options(self) -> dict[str, str]:
        """Return the keys as options of GDAL."""
        return dict(self._keys)


@contextmanager
def faults_as(sentence: str) -> Iterator[None]:
    """Turn what goes wrong into a RasterError of ``sentence`` and the reason, also what is only logged."""
    damage = _DamageLog()
    log = logging.getLogger("rasterio")
    log.addHandler(damage)
    try:
        with known_warnings_silenced():
            yield
    except RasterError:
        raise
    except Exception as error:
        raise RasterError(f"{sentence}: {reason(error)}") from error
    finally:
        log.removeHandler(damage)
    if damage.messages:
        raise RasterError(f"{sentence}: the file is damaged ({damage.messages[0]})") from OSError(
            *damage.messages
        )


@contextmanager
def known_warnings_silenced() -> Iterator[None]:
    """Silence what rasterio warns of and the pipeline has an answer to."""
    with (
        silenced(NotGeoreferencedWarning),  # its masks are laid out in pixels
        silenced(NodataShadowWarning),  # alpha is asked for besides nodata
    ):
        yield


class _DamageLog(logging.Handler):
    """Collects what GDAL says in this thread of damaged pixels that it reads all the same."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.thread == self._thread and says_damaged(message):
            self.messages.append(message)


def reason(error: BaseException) -> str:
    """Return the first cause of an error of rasterio's: what follows it only says that reading failed."""
    causes = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    name = type(causes[-1]).__name__
    text = " ".join(str(causes[-1]).split()) or name
    if isinstance(causes[-1], _BARE):
        text = f"{name}: {text}"
    early = any(says_ends_early(str(cause)) for cause in causes)
    return f"the file ends early, or its storage did not answer ({text})" if early else text
