"""Documents: objects that are read whole, of no more bytes than anybody has a use for."""

from __future__ import annotations

from pipeline.errors import PipelineError
from pipeline.storage.location import Location
from pipeline.storage.objects.filesystems import reporting_errors
from pipeline.storage.objects.reading import Follow, anywhere, content

OWN_BYTES = 16 * 2**20
"""Far more than an object has that a run notes for itself."""


def get_document(location: Location, *, limit_bytes: int = OWN_BYTES, follow: Follow = anywhere) -> bytes:
    """Return all of an object of at most ``limit_bytes``; of the web by redirects that ``follow`` allows.

    Raises:
        FileNotFoundError: there is none.
        PipelineError: the storage refused, it is no regular file, or larger.
    """
    with reporting_errors("read", location):
        data = content(location, limit_bytes + 1, follow)
    if len(data) > limit_bytes:
        raise PipelineError(
            f"{location} has more than {limit_bytes / 2**20:.0f} MiB: expected a smaller document"
        )
    return data
