"""What is below a folder or a prefix, with sizes and etags, as it is listed: no request an object."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.objects.content import ObjectInfo, etag_of
from pipeline.objects.place import located, reported
from pipeline.objects.s3 import s3_pages

DIGESTED = 10_000
"""So many objects of a folder tell whether it has changed: ten requests to S3."""


class Measured(NamedTuple):
    """An object below a prefix: its path from there, its size, and what changes when it does."""

    path: str
    size_bytes: int
    etag: str


def measured(prefix: str) -> Iterator[Measured]:
    """Yield the objects below ``prefix``, always in the same order, lazily; nothing where it is missing.

    Raises:
        PipelineError: the storage refused.
    """
    with reported("list", prefix):
        filesystem, path = located(prefix)
        root = path.rstrip("/")
        found = (
            _local(Path(root))
            if "file" in filesystem.protocol
            else _s3(filesystem, root)
            if "s3" in filesystem.protocol
            else _other(filesystem, root)
        )
        for each in found:
            yield each._replace(path=each.path.removeprefix(f"{root}/"))


def folder_info(prefix: str) -> ObjectInfo:
    """Return the size of what is below ``prefix``, and a digest of names, sizes and etags.

    Both are of the first ``DIGESTED`` objects: of more, the digest also is another one, but a change of those behind
    is not seen, and the size is that of these.

    Raises:
        PipelineError: the storage refused.
    """
    digest, size_bytes = hashlib.sha256(), 0
    for each in islice(measured(prefix), DIGESTED):
        digest.update(repr(tuple(each)).encode())
        size_bytes += each.size_bytes
    return ObjectInfo(size_bytes, digest.hexdigest())


def _local(folder: Path) -> Iterator[Measured]:
    if not folder.is_dir():
        return
    with os.scandir(folder) as found:
        entries = sorted((each.name, each.is_dir(follow_symlinks=False)) for each in found)
    for name, is_folder in entries:
        if is_folder:
            yield from _local(folder / name)
        else:
            state = (folder / name).stat()
            yield Measured(str(folder / name), state.st_size, f"{state.st_mtime_ns:x}")


def _s3(filesystem: Any, root: str) -> Iterator[Measured]:  # noqa: ANN401 - fsspec has no types
    bucket = root.partition("/")[0]
    for page in s3_pages(filesystem, root):
        for each in page.get("Contents", []):
            yield Measured(f"{bucket}/{each['Key']}", int(each["Size"]), etag_of(each))


def _other(filesystem: Any, root: str) -> Iterator[Measured]:  # noqa: ANN401 - fsspec has no types
    for _, _, files in filesystem.walk(root, detail=True):
        for each in sorted(files.values(), key=lambda one: str(one["name"])):
            yield Measured(str(each["name"]), int(each["size"] or 0), etag_of(each))
