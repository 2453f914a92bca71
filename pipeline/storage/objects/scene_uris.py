"""What the uri of a scene says: the file it is in, a page of a TIFF, a Zarr hierarchy; and its absolute form."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.storage.objects.filesystems import with_lowercase_scheme
from pipeline.storage.objects.uris import check_uri, is_remote, readable_path

FOLDERS = (".zarr",)
"""What the name of a folder, or prefix, that is one scene ends with."""

_PAGE = re.compile(r"GTIFF_DIR:([1-9][0-9]*):(?=.)")
_ZARR = re.compile(r"\.zarr(/[^.?*\[]*)?$", re.IGNORECASE)


def absolute_uri(uri: str) -> str:
    """Return ``uri`` as is where it names a remote object, else as an absolute local path without ``..``.

    Raises:
        PipelineError: it is no uri of a listed scheme.
    """
    page = _PAGE.match(uri)
    if page:
        return page[0] + absolute_uri(file_of(uri))
    check_uri(uri)
    if is_remote(uri):
        return with_lowercase_scheme(uri)
    return str(_without_parents(Path(readable_path(uri)).absolute()))


def _without_parents(path: Path) -> Path:
    """Return an absolute path without ``..``, which behind a link is the folder above of what it leads to."""
    found = Path(path.anchor)
    for part in path.parts[1:]:
        if part != "..":
            found /= part
        else:
            found = (found.resolve() if found.is_symlink() else found).parent
    return found


def page_of(uri: str) -> int | None:
    """Return which page (from 1) of a TIFF ``uri`` names as GDAL does, None where it names a file.

    >>> page_of("GTIFF_DIR:2:s3://bucket/pages.tif"), page_of("pages.tif")
    (2, None)
    """
    page = _PAGE.match(uri)
    return int(page[1]) if page else None


def file_of(uri: str) -> str:
    """Return the uri of the file of which ``uri`` may name a page.

    >>> file_of("GTIFF_DIR:2:s3://bucket/pages.tif")
    's3://bucket/pages.tif'
    """
    return _PAGE.sub("", uri, count=1) if _PAGE.match(uri) else uri


def is_zarr(uri: str) -> bool:
    """Tell whether ``uri`` names a Zarr hierarchy, or by a path without dots a part of one.

    >>> [is_zarr(uri) for uri in ("a.ome.zarr", "s3://b/a.zarr/0/", "a.zarr/b.tif", "a.zarr.zip")]
    [True, True, False, False]
    """
    return _ZARR.search(uri) is not None
