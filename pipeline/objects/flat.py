"""Everything below a folder or a prefix in one listing: on S3 a request for every thousand objects."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from pipeline.objects.listing import _entries
from pipeline.objects.place import located, reported
from pipeline.retry import patiently


class Listed(NamedTuple):
    """An object's place below what was listed, its size, and when it was last written by the storage's clock."""

    path: str
    size_bytes: int
    written_s: float


def list_all(prefix: str) -> Iterator[Listed]:
    """Yield every object below ``prefix``, hidden ones too; nothing where it is missing. In no order.

    Raises:
        PipelineError: the storage refused.
    """
    with reported("list", prefix):
        filesystem, path = located(prefix)
        root = path.rstrip("/")
        if "file" in filesystem.protocol:
            yield from _below(root, "")
        elif "s3" in filesystem.protocol:
            yield from _s3_below(filesystem, root)
        elif filesystem.isdir(root):
            for name, found in filesystem.find(root, detail=True).items():
                yield Listed(name[len(root) + 1 :], int(found["size"] or 0), _seconds(found))


def list_entries(prefix: str) -> list[tuple[str, bool]]:
    """Return the name of each object and folder directly below ``prefix``, hidden ones too, and whether it is one.

    Raises:
        PipelineError: the storage refused.
    """
    with reported("list", prefix):
        filesystem, path = located(prefix)
        return [
            (name.rsplit("/", 1)[-1], is_file) for name, is_file in _entries(filesystem, path.rstrip("/"))
        ]


def written_s(uri: str) -> float | None:
    """Return when an object was last written, in seconds of the storage's clock; None where there is none.

    Raises:
        PipelineError: the storage refused.
    """
    with reported("look for", uri):
        filesystem, path = located(uri)
        try:
            return _seconds(patiently(lambda: filesystem.info(path)))
        except FileNotFoundError:
            return None


def _below(root: str, inner: str) -> Iterator[Listed]:
    folders = []
    try:
        with os.scandir(f"{root}/{inner}") as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(f"{inner}{entry.name}/")
                    continue
                found = entry.stat(follow_symlinks=False)
                yield Listed(f"{inner}{entry.name}", found.st_size, found.st_mtime)
    except (FileNotFoundError, NotADirectoryError):
        return  # gone since it was listed
    for folder in folders:
        yield from _below(root, folder)


def _s3_below(filesystem: Any, root: str) -> Iterator[Listed]:  # noqa: ANN401 - fsspec has no types
    bucket, _, key = root.partition("/")
    below = f"{key}/" if key else ""
    asked = {"Bucket": bucket, "Prefix": below, **filesystem.req_kw}
    page: dict[str, Any] = {"NextContinuationToken": None}
    while "NextContinuationToken" in page:
        token = page["NextContinuationToken"]
        more = {"ContinuationToken": token} if token else {}
        page = patiently(partial(filesystem.call_s3, "list_objects_v2", **asked, **more))
        for each in page.get("Contents", []):
            if not each["Key"].endswith("/"):
                yield Listed(each["Key"][len(below) :], int(each["Size"]), each["LastModified"].timestamp())


def _seconds(found: dict[str, Any]) -> float:
    """Return when an object was last written: each kind of storage has its own name for it."""
    for name in ("LastModified", "last_modified", "updated", "mtime"):
        value = found.get(name)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, int | float):
            return float(value)
    return 0.0
