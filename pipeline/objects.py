"""Small whole objects at a local path, a ``file://``, an ``s3://`` or another uri that fsspec knows: its door.

Storage is reached as the environment says, see ``storage``. Credentials are never put into a message. Nothing
here is cached: a listing is as true as the storage's own.
"""

from __future__ import annotations

import os
import posixpath
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import urlsplit

import fsspec
from fsspec.utils import glob_translate

from pipeline.errors import PipelineError
from pipeline.storage import fsspec_options

_NOT_FOUND = (404, 410)


class ObjectInfo(NamedTuple):
    """An object's size, and a text that is another one after the object has changed."""

    size_bytes: int
    etag: str


def is_remote(uri: str) -> bool:
    """Tell whether ``uri`` names something on another machine, and not a local path."""
    return "://" in uri and not uri.startswith("file://")


def join(root: str, *parts: str) -> str:
    """Return the uri of something below ``root``: parts are set off by one slash each.

    >>> join("s3://bucket/out/", "ledger", "0-0.json")
    's3://bucket/out/ledger/0-0.json'
    """
    return "/".join([root.rstrip("/"), *parts])


def resolve(reference: str, *, origin: str) -> str:
    """Return the uri of what ``reference`` names in the object at ``origin``: it may be relative to its folder.

    >>> resolve("../b/2.tif", origin="s3://bucket/a/list.txt")
    's3://bucket/b/2.tif'

    Raises:
        PipelineError: an object on another machine names a local file.
    """
    if "://" in reference:
        if is_remote(origin) and not is_remote(reference):
            raise PipelineError(f"{origin} is remote and may not name the local file {reference}")
        return reference
    if not is_remote(origin):
        return os.path.normpath(Path(_local(origin)).absolute().parent / reference)
    root = urlsplit(origin)
    path = posixpath.normpath(posixpath.join(posixpath.dirname(root.path) or "/", reference))
    return f"{root.scheme}://{root.netloc}{path}"


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


@contextmanager
def opened(uri: str) -> Iterator[BinaryIO]:
    """Open an object to read it piece by piece.

    Raises:
        PipelineError: there is none, the storage refused, or what reads it found it broken.
    """
    with _reported("read", uri):
        try:
            file = _file(uri)
        except FileNotFoundError:
            raise PipelineError(f"{uri} does not exist") from None
        with file:
            yield file


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
        etag = _etag(found) if is_remote(uri) else f"{Path(path).stat().st_mtime_ns:x}"
        return ObjectInfo(int(found["size"] or 0), etag)


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


def walk(prefix: str, *, depth: int | None = None) -> Iterator[str]:
    """Yield the uris of all objects below ``prefix``, folder by folder, sorted, lazily; hidden ones not.

    With ``depth`` only those so many levels below: 1 is the folder itself.
    """
    with _reported("list", prefix):
        filesystem, path = _located(prefix)
        for file in _walk(filesystem, path.rstrip("/"), depth):
            yield _uri(prefix, file)


def glob(pattern: str) -> Iterator[str]:
    """Yield the uris of the objects that match ``pattern`` (``*``, ``?``, ``[...]``, ``**``), as ``walk`` does."""
    with _reported("list", pattern):
        _, path = _located(pattern)
        folder = path[: re.search(r"[*?\[]|$", path).start()].rpartition("/")[0]  # type: ignore[union-attr]  # $ always
        matches = re.compile(glob_translate(path)).match
        depth = None if "**" in path else path.count("/") - folder.count("/")
    for uri in walk(_uri(pattern, folder), depth=depth):
        if matches(_located(uri)[1]):
            yield uri


def list_folders(prefix: str) -> list[str]:
    """Return the names of the folders directly below ``prefix``, sorted; none where it is missing."""
    with _reported("list", prefix):
        filesystem, path = _located(prefix)
        if not filesystem.isdir(path):
            return []
        found = _entries(filesystem, path.rstrip("/"))
        return sorted(name.rsplit("/", 1)[-1] for name, is_file in found if not is_file)


def _walk(filesystem: Any, folder: str, depth: int | None) -> Iterator[str]:  # noqa: ANN401 - fsspec has no types
    """Yield the paths of the files below a folder; its files go before its folders."""
    below = []
    for path, is_file in _entries(filesystem, folder):
        if path.rsplit("/", 1)[-1].startswith("."):
            continue
        if is_file:
            yield path
        else:
            below.append(path)
    if depth is None or depth > 1:
        for path in below:
            yield from _walk(filesystem, path, None if depth is None else depth - 1)


def _entries(filesystem: Any, folder: str) -> Iterator[tuple[str, bool]]:  # noqa: ANN401 - fsspec has no types
    """Yield the path of each entry of a folder and whether it is a file, sorted.

    Of a million entries fsspec's own listing holds a gigabyte: here a local folder is held by name, and of S3
    one page of 1000.
    """
    if "file" in filesystem.protocol:
        if not Path(folder or "/").is_dir():
            return
        with os.scandir(folder or "/") as found:
            names = sorted((each.name, each.is_file()) for each in found if not _leads_back(each))
        yield from ((f"{folder}/{name}", is_file) for name, is_file in names)
    elif "s3" in filesystem.protocol:
        yield from _s3_entries(filesystem, folder)
    elif filesystem.isdir(folder):
        listed = filesystem.ls(folder, detail=True)
        yield from sorted((each["name"].rstrip("/"), each["type"] == "file") for each in listed)


def _leads_back(entry: os.DirEntry[str]) -> bool:
    """Tell whether a link names a folder that it is in itself: walking it would have no end."""
    if not entry.is_symlink() or not entry.is_dir():
        return False
    return Path(entry.path).parent.resolve().is_relative_to(Path(entry.path).resolve())


def _s3_entries(filesystem: Any, folder: str) -> Iterator[tuple[str, bool]]:  # noqa: ANN401 - fsspec has no types
    bucket, _, key = folder.partition("/")
    asked = {"Bucket": bucket, "Prefix": f"{key}/" if key else "", "Delimiter": "/", **filesystem.req_kw}
    page: dict[str, Any] = {"NextContinuationToken": None}
    while "NextContinuationToken" in page:
        token = page["NextContinuationToken"]
        page = filesystem.call_s3(
            "list_objects_v2", **asked, **({"ContinuationToken": token} if token else {})
        )
        files = [(each["Key"], True) for each in page.get("Contents", []) if not each["Key"].endswith("/")]
        folders = [(each["Prefix"].rstrip("/"), False) for each in page.get("CommonPrefixes", [])]
        yield from ((f"{bucket}/{name}", is_file) for name, is_file in sorted(files + folders))


def _file(uri: str) -> Any:  # noqa: ANN401 - fsspec has no types
    if not is_remote(uri):
        return Path(_local(uri)).open("rb")
    filesystem, path = _located(uri)
    return filesystem.open(path, "rb")


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
    filesystem, path = fsspec.url_to_fs(uri, **fsspec_options(uri))
    return filesystem, path


def _etag(found: Mapping[str, Any]) -> str:
    """Return what tells a changed object: each kind of storage has its own name for it."""
    names = ("ETag", "etag", "md5Hash", "Last-Modified", "LastModified", "last_modified", "created")
    return next((str(found[name]).strip('"') for name in names if found.get(name)), "")


def _uri(origin: str, path: str) -> str:
    """Return the full uri of a path found by way of ``origin``."""
    return f"{origin.split('://', 1)[0]}://{path.lstrip('/')}" if is_remote(origin) else path


def _is_missing(refusal: BaseException) -> bool:
    return isinstance(refusal, FileNotFoundError) or getattr(refusal, "status", None) in _NOT_FOUND


@contextmanager
def _reported(verb: str, uri: str) -> Iterator[None]:
    """Turn any refusal of a storage into one error that names the object."""
    try:
        yield
    except FileNotFoundError as error:
        refusal = error.__cause__  # to fsspec whatever a web server refuses is not found
        if not uri.startswith(("http://", "https://")) or refusal is None or _is_missing(refusal):
            raise
        raise PipelineError(f"cannot {verb} {uri}: {type(refusal).__name__}: {refusal}") from error
    except (IsADirectoryError, PipelineError):
        raise
    except Exception as error:  # botocore's and the file systems' errors have no base in common
        name = type(error).__name__
        refused = is_remote(uri) and (isinstance(error, PermissionError) or name == "NoCredentialsError")
        remedy = ". Check the storage's credentials in the environment" if refused else ""
        raise PipelineError(f"cannot {verb} {uri}: {name}: {error}{remedy}") from error
