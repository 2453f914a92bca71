"""Objects that only one of several may create."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

from pipeline.storage.location import Location
from pipeline.storage.objects.filesystems import filesystem_of, reporting_write_errors
from pipeline.storage.objects.uris import is_remote, local_path
from pipeline.storage.retry import with_retries

_TAKEN = "PreconditionFailed"


def create_bytes(location: Location, data: bytes) -> bool:
    """Write an object where none is; tell whether this call did. Of several at once one does.

    A local reader may see the beginning of it while it is written.

    Asked again after an answer that was lost, it says no of its own object.

    Raises:
        OutputError: the storage refused.
    """
    with reporting_write_errors(location):
        if is_remote(location.uri):
            return _create_remote(location, data)
        path = Path(local_path(location.uri))
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("xb") as file:
                _write_or_unlink(file, path, data)
        except FileExistsError:
            return False
        return True


def _write_or_unlink(file: BinaryIO, path: Path, data: bytes) -> None:
    """Write a new file; where the disk is full leave none behind, which would seem to be somebody's."""
    try:
        file.write(data)
        file.flush()
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _create_remote(location: Location, data: bytes) -> bool:
    filesystem, path = filesystem_of(location)
    try:
        with_retries(lambda: filesystem.pipe_file(path, data, mode="create"))
    except FileExistsError:
        return False
    except OSError as error:
        if _is_taken(error):
            return False
        raise
    return True


def _is_taken(error: OSError) -> bool:
    """Tell whether S3 refused a write because there is an object: fsspec has no error of its own for it."""
    answer: Any = getattr(error.__cause__, "response", {})
    return bool(answer.get("Error", {}).get("Code") == _TAKEN)
