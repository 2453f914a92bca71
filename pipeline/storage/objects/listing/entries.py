"""What is below a folder or a prefix, or matches a pattern, in flat memory."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fsspec.utils import glob_translate

from pipeline.errors import PipelineError
from pipeline.storage.location import Location
from pipeline.storage.objects.filesystems import filesystem_of, found_at, reporting_errors
from pipeline.storage.objects.listing.s3 import s3_pages
from pipeline.storage.objects.listing.tree import Refused, Tree
from pipeline.storage.objects.uris import is_remote
from pipeline.storage.retry import MANY_S, with_retries


def list_names(prefix: Location) -> Iterator[str]:
    """Yield the names of the objects directly below ``prefix``, sorted; nothing where it is missing.

    Objects whose name begins with a dot are left out: they are being written.
    """
    names = (name for name, is_file in list_entries(prefix) if is_file)
    yield from sorted(name for name in names if name and not name.startswith("."))


def walk(
    prefix: Location, *, depth: int | None = None, whole: tuple[str, ...] = (), refused: Refused | None = None
) -> Iterator[Location]:
    """Yield all objects below ``prefix``, folder by folder, sorted, lazily; hidden ones not.

    With ``depth`` only those so many levels below: 1 is the folder itself. A folder whose name ends with one of
    ``whole``, in any case of letters, is yielded itself, and not listed. ``refused`` is told of a folder that
    cannot be listed, which without it ends the walk. A local file is yielded once, whatever links lead to it.
    """
    with reporting_errors("list", prefix):
        filesystem, path = filesystem_of(prefix)
        if is_remote(prefix.uri):
            for file in _walk(filesystem, path.rstrip("/"), depth, whole):
                yield found_at(prefix, file)
        else:
            tree = Tree(root=path, refused=refused or _raised, depth=depth, whole=whole)
            yield from map(prefix.at, tree.files())


def glob(
    pattern: Location, *, whole: tuple[str, ...] = (), refused: Refused | None = None
) -> Iterator[Location]:
    """Yield the objects that match ``pattern`` (``*``, ``?``, ``[...]``, ``**``), as ``walk`` does."""
    with reporting_errors("list", pattern):
        _, path = filesystem_of(pattern)
        folder = path[: re.search(r"[*?\[]|$", path).start()].rpartition("/")[0]  # type: ignore[union-attr]  # $ always
        matches = re.compile(glob_translate(path)).match
        depth = None if "**" in path else path.count("/") - folder.count("/")
        if not is_remote(pattern.uri):
            tree = Tree(
                root=folder or "/",
                refused=refused or _raised,
                depth=depth,
                whole=whole,
                matches=matches,
                by_name=True,
            )
            yield from map(pattern.at, tree.files())
            return
    for found in walk(found_at(pattern, folder), depth=depth, whole=whole):
        if matches(filesystem_of(found)[1]):
            yield found


def list_folders(prefix: Location) -> list[str]:
    """Return the names of the folders directly below ``prefix``, sorted; none where it is missing."""
    return sorted(name for name, is_file in list_entries(prefix) if not is_file)


def list_entries(prefix: Location) -> list[tuple[str, bool]]:
    """Return the name of each object and folder directly below ``prefix``, hidden ones too, and whether it is one.

    Raises:
        PipelineError: the storage refused.
    """
    with reporting_errors("list", prefix):
        filesystem, path = filesystem_of(prefix)
        return [
            (name.rsplit("/", 1)[-1], is_file) for name, is_file in _entries(filesystem, path.rstrip("/"))
        ]


def _walk(
    filesystem: Any,  # noqa: ANN401 - fsspec has no types
    folder: str,
    depth: int | None,
    whole: tuple[str, ...],
) -> Iterator[str]:
    """Yield the paths of the files below a folder; its files go before its folders."""
    below = []
    for path, is_file in _entries(filesystem, folder):
        if path.rsplit("/", 1)[-1].startswith("."):
            continue
        if is_file or path.lower().endswith(whole):
            yield path
        else:
            below.append(path)
    if depth is None or depth > 1:
        for path in below:
            yield from _walk(filesystem, path, None if depth is None else depth - 1, whole)


def _entries(filesystem: Any, folder: str) -> Iterator[tuple[str, bool]]:  # noqa: ANN401 - fsspec has no types
    """Yield the path of each entry of a folder and whether it is a file, sorted.

    Of a million entries fsspec's own listing holds a gigabyte: here a local folder is kept by name, and of S3
    one page of 1000.
    """
    if "file" in filesystem.protocol:
        if not Path(folder or "/").is_dir():
            return
        with os.scandir(folder or "/") as found:
            names = sorted((each.name, each.is_file()) for each in found)
        yield from ((f"{folder}/{name}", is_file) for name, is_file in names)
    elif "s3" in filesystem.protocol:
        yield from _s3_entries(filesystem, folder)
    elif with_retries(lambda: filesystem.isdir(folder)):
        listed = with_retries(lambda: filesystem.ls(folder, detail=True), answer_s=MANY_S)
        yield from sorted((each["name"].rstrip("/"), each["type"] == "file") for each in listed)


def _raised(_: str, error: PipelineError) -> None:
    raise error


def _s3_entries(filesystem: Any, folder: str) -> Iterator[tuple[str, bool]]:  # noqa: ANN401 - fsspec has no types
    bucket = folder.partition("/")[0]
    for page in s3_pages(filesystem, folder, Delimiter="/"):
        files = [(each["Key"], True) for each in page.get("Contents", []) if not each["Key"].endswith("/")]
        folders = [(each["Prefix"].rstrip("/"), False) for each in page.get("CommonPrefixes", [])]
        yield from ((f"{bucket}/{name}", is_file) for name, is_file in sorted(files + folders))
