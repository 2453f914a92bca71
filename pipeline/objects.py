"""Small whole objects at a local path, a ``file://`` or an ``s3://`` uri: the door to fsspec and s3fs.

S3 is reached as the environment says (``AWS_ENDPOINT_URL``, ``AWS_ACCESS_KEY_ID`` ...). Credentials are
never put into a message. Nothing here is cached: a listing is as true as the storage's own.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import fsspec

from pipeline.errors import PipelineError


class ObjectInfo(NamedTuple):
    """An object's size, and a text that is another one after the object has changed."""

    size_bytes: int
    etag: str


def is_remote(uri: str) -> bool:
    """Tell whether ``uri`` names something on another machine, and not a local path."""
    return "://" in uri and not uri.startswith("file://")


def s3_endpoint() -> str | None:
    """Return the S3 server that the environment names, None for Amazon's own."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None


def join(root: str, *parts: str) -> str:
    """Return the uri of something below ``root``: parts are set off by one slash each.

    >>> join("s3://bucket/out/", "ledger", "0-0.json")
    's3://bucket/out/ledger/0-0.json'
    """
    return "/".join([root.rstrip("/"), *parts])


def put_bytes(uri: str, data: bytes) -> None:
    """Write an object whole: a reader, now or after a crash, sees all of it or nothing of it.

    Raises:
        PipelineError: the storage refused.
    """
    with _reported("write", uri):
        if is_remote(uri):
            filesystem, path = _located(uri)
            filesystem.pipe_file(path, data)
        else:
            _put_file(Path(_local(uri)), data)


def get_bytes(uri: str, *, limit_bytes: int | None = None) -> bytes:
    """Return an object's content, or its first ``limit_bytes``.

    Raises:
        FileNotFoundError: there is none.
        PipelineError: the storage refused.
    """
    with _reported("read", uri):
        filesystem, path = _located(uri)
        if limit_bytes is None:
            return bytes(filesystem.cat_file(path))
        if filesystem.size(path) == 0:
            return b""  # S3 refuses every range of an empty object
        return bytes(filesystem.cat_file(path, start=0, end=limit_bytes))


def exists(uri: str) -> bool:
    """Tell whether there is an object (not a folder) at ``uri``."""
    with _reported("look for", uri):
        filesystem, path = _located(uri)
        return bool(filesystem.isfile(path))


def is_folder(uri: str) -> bool:
    """Tell whether ``uri`` is a local folder, or a prefix below which there is an object."""
    with _reported("look for", uri):
        filesystem, path = _located(uri)
        return bool(filesystem.isdir(path))


def info(uri: str) -> ObjectInfo:
    """Return an object's size and etag (of a local file: its time of change).

    Raises:
        FileNotFoundError: there is none.
        PipelineError: the storage refused.
    """
    with _reported("look for", uri):
        filesystem, path = _located(uri)
        found = filesystem.info(path)
        if found["type"] != "file":
            raise FileNotFoundError(f"{uri} is a folder")
        etag = found["ETag"] if is_remote(uri) else f"{Path(path).stat().st_mtime_ns:x}"
        return ObjectInfo(int(found["size"]), str(etag).strip('"'))


def list_names(prefix: str) -> Iterator[str]:
    """Yield the names of the objects directly below ``prefix``, sorted; nothing where it is missing.

    Objects whose name begins with a dot are left out: they are being written.
    """
    with _reported("list", prefix):
        filesystem, path = _located(prefix)
        if not filesystem.isdir(path):
            return
        found = filesystem.ls(path, detail=True)
    names = (entry["name"].rstrip("/").rsplit("/", 1)[-1] for entry in found if entry["type"] == "file")
    yield from sorted(name for name in names if name and not name.startswith("."))


def walk(prefix: str) -> Iterator[str]:
    """Yield the uris of all objects below ``prefix``, folder by folder, sorted, lazily; hidden ones not."""
    with _reported("list", prefix):
        filesystem, path = _located(prefix)
        for folder, folders, files in filesystem.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(name for name in files if name and not name.startswith(".")):
                yield _uri(prefix, f"{folder}/{name}")


def glob(pattern: str) -> Iterator[str]:
    """Yield the uris of the objects that match ``pattern`` (``*``, ``?``, ``[...]``, ``**``), sorted."""
    with _reported("list", pattern):
        filesystem, path = _located(pattern)
        found = filesystem.glob(path, detail=True)
    yield from sorted(_uri(pattern, name) for name, entry in found.items() if entry["type"] == "file")


def _put_file(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with partial.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _local(uri: str) -> str:
    return uri.removeprefix("file://")


def _located(uri: str) -> tuple[Any, str]:
    """Return the file system of ``uri`` and its path there."""
    if not is_remote(uri):
        return fsspec.filesystem("file"), str(Path(_local(uri)).absolute())
    options: dict[str, Any] = {}
    if uri.startswith("s3://"):
        # The endpoint is part of the key under which fsspec keeps a file system: one per server.
        options = {"endpoint_url": s3_endpoint(), "use_listings_cache": False}
    filesystem, path = fsspec.url_to_fs(uri, **options)
    return filesystem, path


def _uri(origin: str, path: str) -> str:
    """Return the full uri of a path found by way of ``origin``."""
    return f"{origin.split('://', 1)[0]}://{path}" if is_remote(origin) else path


@contextmanager
def _reported(verb: str, uri: str) -> Iterator[None]:
    """Turn any refusal of a storage into one error that names the object."""
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, PipelineError):
        raise
    except Exception as error:  # botocore's and the file systems' errors have no base in common
        raise PipelineError(f"cannot {verb} {uri}: {type(error).__name__}: {error}") from error
