"""Everything below a folder or a prefix in one listing: on S3 a request for every thousand objects."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.storage.location import Location
from pipeline.storage.objects.content import ObjectInfo, etag_of
from pipeline.storage.objects.filesystems import filesystem_of, reporting_errors
from pipeline.storage.objects.listing.s3 import s3_pages
from pipeline.storage.retry import MANY_S, with_retries

DIGESTED = 10_000
"""So many objects of a folder tell whether it has changed: ten requests to S3."""


class Listed(NamedTuple):
    """An object below a prefix: its path from there, its size, what changes when it does, and when it was written.

    The time is in seconds of the storage's clock.
    """

    path: str
    size_bytes: int
    etag: str
    written_s: float


def list_all(prefix: Location) -> Iterator[Listed]:
    """Yield every object below ``prefix``, hidden ones too, always in the same order; nothing where it is missing.

    Raises:
        PipelineError: the storage refused.
    """
    with reporting_errors("list", prefix):
        filesystem, path = filesystem_of(prefix)
        root = path.rstrip("/")
        found = (
            _local(Path(root), "")
            if "file" in filesystem.protocol
            else _s3(filesystem, root)
            if "s3" in filesystem.protocol
            else _other(filesystem, root)
        )
        yield from found


def folder_info(prefix: Location) -> ObjectInfo:
    """Return the size of what is below ``prefix``, and a digest of names, sizes and etags.

    Both are of the first ``DIGESTED`` objects: of more, the digest also is another one, but a change of those behind
    is not seen, and the size is that of these.

    Raises:
        PipelineError: the storage refused.
    """
    digest, size_bytes = hashlib.sha256(), 0
    for each in islice(list_all(prefix), DIGESTED):
        digest.update(repr((each.path, each.size_bytes, each.etag)).encode())
        size_bytes += each.size_bytes
    return ObjectInfo(size_bytes, digest.hexdigest())


def written_s(location: Location) -> float | None:
    """Return when an object was last written, in seconds of the storage's clock; None where there is none.

    Raises:
        PipelineError: the storage refused.
    """
    with reporting_errors("look for", location):
        filesystem, path = filesystem_of(location)
        try:
            return _seconds(with_retries(lambda: filesystem.info(path)))
        except FileNotFoundError:
            return None


def _local(root: Path, inner: str) -> Iterator[Listed]:
    try:
        with os.scandir(root / inner) as found:
            entries = sorted((each.name, each.is_dir(follow_symlinks=False)) for each in found)
    except (FileNotFoundError, NotADirectoryError):
        return  # gone since it was listed
    for name, is_folder in entries:
        if is_folder:
            yield from _local(root, f"{inner}{name}/")
            continue
        try:
            state = (root / inner / name).stat()
        except FileNotFoundError:
            continue  # the same
        yield Listed(f"{inner}{name}", state.st_size, f"{state.st_mtime_ns:x}", state.st_mtime)


def _s3(filesystem: Any, root: str) -> Iterator[Listed]:  # noqa: ANN401 - fsspec has no types
    below = "".join(f"{key}/" for key in root.partition("/")[2:] if key)
    for page in s3_pages(filesystem, root):
        for each in page.get("Contents", []):
            if not each["Key"].endswith("/"):
                yield Listed(
                    each["Key"].removeprefix(below), int(each["Size"]), etag_of(each), _seconds(each)
                )


def _other(filesystem: Any, root: str) -> Iterator[Listed]:  # noqa: ANN401 - fsspec has no types
    for _, _, files in with_retries(lambda: list(filesystem.walk(root, detail=True)), answer_s=MANY_S):
        for each in sorted(files.values(), key=lambda one: str(one["name"])):
            path = str(each["name"]).removeprefix(f"{root}/")
            yield Listed(path, int(each["size"] or 0), etag_of(each), _seconds(each))


def _seconds(found: dict[str, Any]) -> float:
    """Return when an object was last written: each kind of storage has its own name for it."""
    for name in ("LastModified", "last_modified", "updated", "mtime"):
        value = found.get(name)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, int | float):
            return float(value)
    return 0.0
