"""Files that appear whole, or not at all, at a local path or in an object storage."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.storage import objects
from pipeline.storage.location import Location


@contextmanager
def staged(location: Location) -> Iterator[Path]:
    """Yield a local path to write a file to; at the end it is at ``location``, in place of what was there.

    The path has the name that the file will have, and is alone in its folder; files that are written beside it are
    moved as well. After an error nothing is. What a killed writer of the same file left is removed.

    Raises:
        OutputError: the storage refused.
    """
    remote = objects.is_remote(location.uri)
    with objects.reporting_write_errors(location):
        folder = _temporary_folder() if remote else _folder_beside(Path(objects.local_path(location.uri)))
    try:
        yield folder / location.name
        # The file itself last: who sees it sees what belongs to it too.
        made = sorted(folder.iterdir(), key=lambda path: (path.name == location.name, path.name))
        for path in made:
            objects.put_file(location.at(f"{location.uri.rpartition('/')[0]}/{path.name}"), path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _temporary_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="mrovseg-"))


def _folder_beside(path: Path) -> Path:
    """Return a new folder on the disk of ``path``, so that a rename is all that is left to do."""
    folder = path.with_name(f".{path.name}.partial")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
