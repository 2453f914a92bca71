"""Removal of what runs made: by name, and never behind a link, which may lead to what is another's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path

from pipeline.errors import OutputError
from pipeline.storage.location import Location
from pipeline.storage.objects.filesystems import filesystem_of, link_between, reporting_write_errors
from pipeline.storage.objects.listing.flat import list_all
from pipeline.storage.objects.uris import is_remote, local_path
from pipeline.storage.retry import with_retries

_BATCH = 1000  # as many as S3 deletes in one request


def remove(location: Location, *, below: Location | None = None) -> None:
    """Remove an object; do nothing where there is none.

    Raises:
        OutputError: the storage refused, or there is a link to a folder between ``below`` and the object.
    """
    if below is not None:
        _refuse_link(location, link_between(below, location.at(location.uri.rpartition("/")[0])))
    with reporting_write_errors(location):
        filesystem, path = filesystem_of(location)
        try:
            with_retries(lambda: filesystem.rm_file(path))
        except FileNotFoundError:
            return


def remove_made(root: Location, inner: str, made: Callable[[str], bool]) -> Iterator[str]:
    """Remove what is ``made`` of all below the folder ``inner`` of ``root``, and what folders that leaves empty.

    ``made`` is asked of paths below ``root``. Yields the paths of what stays, each when it is met: it has to be
    consumed. A link is an object like others, and is not followed.

    Raises:
        OutputError: the storage refused, or ``inner`` is behind a link.
    """
    folder = root.join(inner)
    _refuse_link(folder, link_between(root, folder))
    with reporting_write_errors(folder):
        if is_remote(folder.uri):
            yield from _emptied_prefix(root, inner, made)
        elif Path(local_path(folder.uri)).is_dir():
            yield from _emptied_folder(Path(local_path(root.uri)), inner, made)


def linked_folders(root: Location, inner: str) -> Iterator[str]:
    """Yield the paths below ``root`` of all links to folders at ``inner`` and below, none of which is followed."""
    if is_remote(root.uri):
        return
    top = Path(local_path(root.uri))
    if (top / inner).is_symlink():
        yield inner
        return
    for folder, names, _ in os.walk(top / inner):
        yield from (
            str(Path(folder, name).relative_to(top)) for name in names if Path(folder, name).is_symlink()
        )


def _refuse_link(location: Location, link: str | None) -> None:
    if link is not None:
        raise OutputError(
            f"cannot remove {location}: {link} is a link, and nothing is removed behind one. Put the folder itself "
            "there, or give another output"
        )


def _emptied_folder(root: Path, inner: str, made: Callable[[str], bool]) -> Iterator[str]:
    with os.scandir(root / inner) as found:
        entries = sorted((each.name, each.is_dir(follow_symlinks=False)) for each in found)
    for name, is_folder in entries:
        path = f"{inner}/{name}"
        if is_folder:
            yield from _emptied_folder(root, path, made)
        elif made(path):
            (root / path).unlink(missing_ok=True)
        else:
            yield path
    with suppress(OSError):  # something stays in it
        (root / inner).rmdir()


def _emptied_prefix(root: Location, inner: str, made: Callable[[str], bool]) -> Iterator[str]:
    filesystem, path = filesystem_of(root)
    listed = (f"{inner}/{each.path}" for each in list_all(root.join(inner)))
    while some := list(islice(listed, _BATCH)):
        ours = [f"{path.rstrip('/')}/{each}" for each in some if made(each)]
        if ours:
            with_retries(partial(filesystem.rm, ours))
        yield from (each for each in some if not made(each))
