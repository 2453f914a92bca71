"""GDAL's names of files."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import RasterError
from pipeline.storage import objects
from pipeline.storage.objects.scene_uris import file_of, page_of

_FILE_SYSTEMS = {
    "s3": "/vsis3/",
    "s3a": "/vsis3/",
    "gs": "/vsigs/",
    "gcs": "/vsigs/",
    "az": "/vsiaz/",
    "abfs": "/vsiaz/",
    "abfss": "/vsiaz/",
}


def gdal_path(uri: str) -> str:
    """Return GDAL's name of a file, or of a page of it: rasterio would open s3:// through boto3."""
    page = page_of(uri)
    if page is not None:
        return f"GTIFF_DIR:{page}:{gdal_path(file_of(uri))}"
    if objects.is_web(uri):
        return f"/vsicurl/{uri}"
    if objects.is_remote(uri):
        scheme, address = objects.scheme_of(uri), uri.partition("://")[2]
        if scheme not in _FILE_SYSTEMS:
            known = ", ".join(f"{each}://" for each in ("https", "http", *_FILE_SYSTEMS))
            raise RasterError(f"{uri} cannot be reached: expected a path or one of {known}")
        return _FILE_SYSTEMS[scheme] + address
    path = str(Path(objects.local_path(uri)).absolute())
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
