"""Kinds of file: by what they begin, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.raster.gdal.environment import reason

MAGIC = {
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "BigTIFF",
    b"MM\0+": "BigTIFF",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
}
"""The beginnings of the plain kinds that are opened unless the user says otherwise."""

SNIFF_BYTES = 1024
"""The beginning of a file by which its kind is told: what GDAL reads for it."""

_PLAIN = {
    b"II*\0": "GTiff",
    b"MM\0*": "GTiff",
    b"II+\0": "GTiff",
    b"MM\0+": "GTiff",
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JP2OpenJPEG",
    b"\xff\x4f\xff\x51\0": "JP2OpenJPEG",
}
_MARKS = (b"<VRTDataset", b"<GDALTileIndexDataset")
"""Drivers that GDAL asks before that of JPEG take a file for theirs by such a text, as far as no zero is before it."""

_OTHERS = {
    b"BM": "BMP",
    b"GIF8": "GIF",
    b"8BPS": "PSD",
    b"DDS ": "DDS",
    b"\x89HDF": "HDF5 or netCDF-4",
    b"CDF": "netCDF",
    b"SQLite format 3": "GeoPackage or SQLite",
    b"PK\x03\x04": "zip archive",
    b"%PDF": "PDF",
    b"NITF": "NITF",
}
_NAMES = {"GTiff": "GeoTIFF", "JP2OpenJPEG": "JPEG 2000"}


def plain_driver(beginning: bytes) -> str | None:
    r"""Return the driver by which GDAL opens a file where it may choose; None where it may be one that names files.

    >>> plain_driver(b"II*\0"), plain_driver(b"\x89PNG <VRTDataset>"), plain_driver(b"<VRTDataset>")
    ('GTiff', None, None)
    """
    found = next((driver for magic, driver in _PLAIN.items() if beginning.startswith(magic)), None)
    if found == "JPEG" and any(mark in beginning for mark in _MARKS):
        return None
    return found


def wanted(drivers: Sequence[str]) -> str:
    """Return the names of GDAL's drivers as a user calls these kinds.

    >>> wanted(["GTiff", "PNG", "VRT"])
    'a GeoTIFF, PNG or VRT'
    """
    names = [_NAMES.get(driver, driver) for driver in drivers]
    return f"a {', '.join(names[:-1])} or {names[-1]}" if names[1:] else f"a {names[0]}"


def found_instead(beginning: bytes, *, expected: str, error: Exception) -> str:
    """Say what a file of this ``beginning`` is, which GDAL did not open; ``error`` is GDAL's."""
    if not beginning:
        return "is an empty file (0 bytes)"
    for magic, kind in MAGIC.items():
        if beginning.startswith(magic):
            return f"begins as a {kind} does, but is cut short or damaged: {reason(error)}"
    for magic, kind in _OTHERS.items():
        if beginning.startswith(magic):
            return f"begins as a {kind} does, which is none of the drivers allowed: convert it to {expected}"
    if _is_text(beginning):
        return f"is a text file, not {expected}"
    return f"is not {expected}: {reason(error)}"


def _is_text(beginning: bytes) -> bool:
    text = beginning.decode("utf-8", errors="ignore")
    return len(text.encode()) >= len(beginning) - 3 and all(  # a character may be cut at the end
        character.isprintable() or character.isspace() for character in text
    )
