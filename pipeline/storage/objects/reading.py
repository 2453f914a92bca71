"""Objects as they are read: no more than is wanted, nothing without an end, and of the web by redirects allowed."""

from __future__ import annotations

import io
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from pipeline.errors import PipelineError
from pipeline.storage.location import Location
from pipeline.storage.objects.filesystems import filesystem_of, reporting_errors
from pipeline.storage.objects.uris import check_uri, is_remote, is_web, local_path
from pipeline.storage.retry import with_retries

Follow = Callable[[str, str], None]
"""Told of a redirect, from where to where; raises PipelineError where that must not be followed."""

REDIRECTS = (301, 302, 303, 307, 308)
"""The answers of a web server that lead elsewhere."""

MOST_REDIRECTS = 5
"""One after another."""

_AT_ONCE_BYTES = 2**20
_KINDS = {stat.S_IFIFO: "a named pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


def anywhere(_: str, to: str) -> None:
    """Follow a redirect to any address of the web.

    Raises:
        PipelineError: it leads elsewhere.
    """
    check_uri(to)
    if not is_web(to):
        raise PipelineError(f"a redirect leads to {to}, which is none of the web")


def check_regular(uri: str) -> None:
    """Refuse what is local and neither a file nor a folder: reading a pipe or a device may have no end.

    Raises:
        PipelineError: it is.
    """
    if is_remote(uri):
        return
    try:
        mode = Path(local_path(uri)).stat().st_mode
    except (OSError, ValueError):
        return  # who reads it says why it cannot be
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "no file")
        raise PipelineError(f"{uri} is {kind}: expected a regular file")


def content(location: Location, limit_bytes: int | None, follow: Follow) -> bytes:
    """Return an object's content, or its first ``limit_bytes``."""
    check_regular(location.uri)
    if is_web(location.uri):
        return with_retries(lambda: _of_web(location, limit_bytes, follow))
    if not is_remote(location.uri):
        with Path(local_path(location.uri)).open("rb") as file:
            return file.read(-1 if limit_bytes is None else limit_bytes)
    filesystem, path = filesystem_of(location)
    return with_retries(lambda: _of_storage(filesystem, path, limit_bytes))


def file_of(location: Location) -> Any:  # noqa: ANN401 - fsspec has no types
    """Open an object to read it piece by piece."""
    check_regular(location.uri)
    if not is_remote(location.uri):
        return Path(local_path(location.uri)).open("rb")
    filesystem, path = filesystem_of(location)
    file = with_retries(lambda: filesystem.open(path, "rb"))
    if not hasattr(file, "cache"):
        return file  # what comes as a stream cannot be asked for again
    return io.BufferedReader(_AskedAgain(file), _AT_ONCE_BYTES)


class _AskedAgain(io.RawIOBase):
    """A file of fsspec's whose pieces are asked for again while what goes wrong passes."""

    def __init__(self, file: Any) -> None:  # noqa: ANN401 - fsspec has no types
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return int(self._file.tell())

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return int(self._file.seek(offset, whence))

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - whatever has room for bytes
        offset = self._file.tell()
        found = with_retries(lambda: self._piece(offset, len(buffer)))
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _piece(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        return bytes(self._file.read(length))


def serves_ranges(location: Location) -> bool:
    """Tell whether a server of the web answers with the part of an object that it is asked for.

    Raises:
        FileNotFoundError: there is no such object.
        PipelineError: the server refused.
    """
    if not is_web(location.uri):
        return True
    with (
        reporting_errors("look for", location),
        _answer(location, anywhere, headers={"Range": "bytes=1-1"}) as answer,
    ):
        return int(answer.r.status) != 200  # noqa: PLR2004 - all of it, where 206 is a part


def _of_storage(filesystem: Any, path: str, limit_bytes: int | None) -> bytes:  # noqa: ANN401 - fsspec has no types
    if limit_bytes is None:
        return bytes(filesystem.cat_file(path))
    try:
        return bytes(filesystem.cat_file(path, start=0, end=limit_bytes))
    except FileNotFoundError:
        raise
    except Exception:
        if filesystem.size(path) == 0:
            return b""  # S3 refuses every range of an empty object
        raise


def _of_web(location: Location, limit_bytes: int | None, follow: Follow) -> bytes:
    """Read a stream as far as it is wanted: a server may know no ranges."""
    found = bytearray()
    with _answer(location, follow) as answer:
        while limit_bytes is None or len(found) < limit_bytes:
            wanted = _AT_ONCE_BYTES if limit_bytes is None else min(_AT_ONCE_BYTES, limit_bytes - len(found))
            part = answer.read(wanted)
            if not part:
                break
            found += part
    return bytes(found)


def _answer(location: Location, follow: Follow, **asked: Any) -> Any:  # noqa: ANN401 - fsspec's and aiohttp's
    """Open an object of the web as a stream, by redirects that ``follow`` has nothing against."""
    for _ in range(MOST_REDIRECTS):
        filesystem, path = filesystem_of(location)
        # A size that is given is not asked for, by a request of its own that would follow any redirect.
        answer = filesystem.open(path, "rb", block_size=0, size=1, allow_redirects=False, **asked)
        if answer.r.status not in REDIRECTS:
            return answer
        answer.close()
        to = urljoin(location.uri, answer.r.headers.get("Location", ""))
        follow(location.uri, to)
        location = location.at(to)
    raise PipelineError(f"{location} is behind more than {MOST_REDIRECTS} redirects")
