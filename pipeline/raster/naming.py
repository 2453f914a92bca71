"""GDAL's names of files."""

from __future__ import annotations

from pathlib import Path

from pipeline import objects
from pipeline.errors import RasterError

_FILE_SYSTEMS = {
    "s3": "/vsis3/",
    "s3a": "/vsis3/",
    "gs": "/vsigs/",
    "gcs": "/vsigs/",
    "az": "/vsiaz/",
    "abfs": "/vsiaz/",
}


def gdal_path(uri: str) -> str:
    """Return GDAL's name of a file: rasterio would open s3:// through boto3."""
    if objects.is_web(uri):
        return f"/vsicurl/{uri}"
    if objects.is_remote(uri):
        scheme, place = uri.split("://", 1)
        if scheme not in _FILE_SYSTEMS:
            known = ", ".join(f"{each}://" for each in ("https", "http", *_FILE_SYSTEMS))
            raise RasterError(f"{uri} cannot be reached: expected a path or one of {known}")
        return _FILE_SYSTEMS[scheme] + place
    path = str(Path(uri.removeprefix("file://")).absolute())
    if path.startswith("/vsi"):
        raise RasterError(f"{uri} is a name of GDAL's own file systems: name the file by a path or an uri")
    return path


def uri_of_gdal(path: str) -> str | None:
    """Return the uri of what GDAL calls ``path``; None where it is in a file system that has no uris here."""
    if path.startswith("/vsicurl/http"):
        return path.removeprefix("/vsicurl/")
    for scheme, begins in _FILE_SYSTEMS.items():
        if path.startswith(begins):
            return f"{scheme}://{path.removeprefix(begins)}"
    return None if path.startswith("/vsi") else path
