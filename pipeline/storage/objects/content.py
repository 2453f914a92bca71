"""Whole objects: written at once, read at once or piece by piece, looked for."""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.errors import PipelineError
from pipeline.storage.location import Location
from pipeline.storage.objects.filesystems import (
    filesystem_of,
    link_between,
    reporting_errors,
    reporting_write_errors,
)
from pipeline.storage.objects.reading import anywhere, content, file_of
from pipeline.storage.objects.uris import is_remote, local_path
from pipeline.storage.retry import with_retries


class ObjectInfo(NamedTuple):
    """An object's size, and a text that is another one after the object has changed."""

    size_bytes: int
    etag: str


def put_bytes(location: Location, data: bytes) -> None:
    """Write an object whole: a reader, now or after a crash, sees all of it or nothing of it.

    Raises:
        OutputError: the storage refused.
    """
    with reporting_write_errors(location):
        if is_remote(location.uri):
            filesystem, path = filesystem_of(location)
            with_retries(lambda: filesystem.pipe_file(path, data))
        else:
            _put_file(Path(local_path(location.uri)), data)


def put_file(location: Location, path: Path) -> None:
    """Move a local file to where it belongs; a reader sees all of it or nothing of it.

    A local ``location`` is on the disk that the file is on.

    Raises:
        OutputError: the storage refused.
    """
    with reporting_write_errors(location):
        if is_remote(location.uri):
            filesystem, there = filesystem_of(location)
            with_retries(lambda: filesystem.put_file(str(path), there))
            path.unlink()
        else:
            target = Path(local_path(location.uri))
            _sync_file(path)
            path.replace(target)
            _sync_folder(target.parent)


def sweep(folder: Location, *, below: Location | None = None) -> None:
    """Remove what killed writers of objects directly below ``folder`` left half-written; S3 keeps nothing of such.

    A writer that is still at work writes once more. Where there is a link between the folder ``below`` and this one
    nothing is removed: what it leads to may be another's.
    """
    if is_remote(folder.uri) or not Path(local_path(folder.uri)).is_dir():
        return
    if below is not None and link_between(below, folder) is not None:
        return
    with reporting_write_errors(folder):
        for partial_file in Path(local_path(folder.uri)).glob(_partial_name("*", "?" * 32)):
            partial_file.unlink(missing_ok=True)


def get_bytes(location: Location, *, limit_bytes: int | None = None) -> bytes:
    """Return an object's content, or its first ``limit_bytes``.

    Raises:
        FileNotFoundError: there is none.
        PipelineError: the storage refused.
    """
    with reporting_errors("read", location):
        return content(location, limit_bytes, anywhere)


@contextmanager
def opened_object(location: Location) -> Iterator[io.IOBase]:
    """Open an object to read it piece by piece.

    Raises:
        PipelineError: there is none, the storage refused, or what reads it found it broken.
    """
    with reporting_errors("read", location):
        try:
            file = file_of(location)
        except FileNotFoundError:
            raise PipelineError(f"{location} does not exist") from None
        with file:
            yield file


def exists(location: Location) -> bool:
    """Tell whether there is an object (not a folder) at a location."""
    with reporting_errors("look for", location):
        filesystem, path = filesystem_of(location)
        try:
            # Never fsspec's own isfile: it says no of a storage that does not answer.
            return bool(with_retries(lambda: filesystem.info(path))["type"] == "file")
        except FileNotFoundError:
            return False


def is_folder(location: Location) -> bool:
    """Tell whether there is a local folder, or a prefix below which there is an object."""
    with reporting_errors("look for", location):
        filesystem, path = filesystem_of(location)
        return bool(with_retries(lambda: filesystem.isdir(path)))


def info(location: Location) -> ObjectInfo:
    """Return an object's size and etag (of a local file: its time of change).

    Raises:
        FileNotFoundError: there is none.
        PipelineError: the storage refused.
    """
    with reporting_errors("look for", location):
        filesystem, path = filesystem_of(location)
        found = with_retries(lambda: filesystem.info(path))
        if found["type"] != "file":
            raise FileNotFoundError(f"{location} is a folder")
        etag = etag_of(found) if is_remote(location.uri) else f"{Path(path).stat().st_mtime_ns:x}"
        return ObjectInfo(int(found["size"] or 0), etag)


def _put_file(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        partial_file = path.with_name(_partial_name(path.name, uuid.uuid4().hex))
        try:
            with partial_file.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            partial_file.replace(path)
            break
        except FileNotFoundError:  # swept by another: as long as the folder is there, once more
            if not path.parent.is_dir():
                raise
        except BaseException:
            _remove_quietly(partial_file)
            raise
    _sync_folder(path.parent)


def _partial_name(name: str, mark: str) -> str:
    """Return what an object is called while it is being written; hidden from listings."""
    return f".{name}.{mark}"


def _remove_quietly(path: Path) -> None:
    """Remove a file; a disk that became read-only says so itself already."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def etag_of(found: Mapping[str, Any]) -> str:
    """Return what tells a changed object: each kind of storage has its own name for it."""
    names = ("ETag", "etag", "md5Hash", "Last-Modified", "LastModified", "last_modified", "created")
    return next((str(found[name]).strip('"') for name in names if found.get(name)), "")
