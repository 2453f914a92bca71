"""One source raster, described and not opened."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from pipeline import objects
from pipeline.errors import legible
from pipeline.redact import redacted, unsigned

_STEM_MAX_CHARS = 64  # with the digest and ".zarr" well below the 255 bytes a file name may have
_TOLD_CHARS = 4096  # of what somebody else wrote
DIGEST_CHARS = 16
"""Hex digits at the end of an id: of a million scenes two are alike in fewer than one list of ten million."""

FOLDERS = (".zarr",)
"""What the name of a folder, or prefix, that is one scene ends with."""

_PAGE = re.compile(r"GTIFF_DIR:([1-9][0-9]*):(?=.)")
_ZARR = re.compile(r"\.zarr(/[^.?*\[]*)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Band:
    """One band of a file: its uri, and its number from 1."""

    uri: str
    number: int

    def __post_init__(self) -> None:
        if not self.uri or self.number < 1:
            raise ValueError(f"a band has the uri of its file and a number from 1, got {self!r}")


@dataclass(frozen=True, slots=True)
class Scene:
    """A source raster: the id that names its outputs, and where its file is.

    ``bands`` are its red, green and blue, where a scene list says which bands of which files they are, and ``datetime``
    is when it was taken (ISO 8601), where the list says that.

    Raises:
        ValueError: the id could not be a folder's name, or a part is empty.
    """

    scene_id: str
    uri: str
    bands: tuple[Band, Band, Band] | None = None
    datetime: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", self.scene_id) or not self.uri:
            raise ValueError(f"a scene has an id of letters, digits, '.', '_', '-' and a uri, got {self!r}")

    @property
    def files(self) -> tuple[str, ...]:
        """The uris of the files it is read from, each once."""
        return (self.uri,) if self.bands is None else tuple(dict.fromkeys(band.uri for band in self.bands))


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a scene list names and no scene can be made of: where it is, and why."""

    uri: str
    reason: str

    def __post_init__(self) -> None:
        for name in ("uri", "reason"):
            text = legible(getattr(self, name))
            object.__setattr__(self, name, text if len(text) <= _TOLD_CHARS else f"{text[:_TOLD_CHARS]} ...")

    @property
    def scene_id(self) -> str:
        """The id that its failure has: that of a scene at its uri."""
        return _scene_id(self.uri, None, [unsigned(self.uri)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a raster's file says of itself.

    ``height`` and ``width`` in pixels; ``dtype`` the first band's numpy name; ``crs_wkt`` None where the
    file states no CRS; ``transform`` a, b, c, d, e, f with x = a*col + b*row + c and
    y = d*col + e*row + f at pixel corners, in the CRS's unit. ``pixel_m`` are a pixel's height and width
    in m where a file without a CRS states them, as those of microscopes do.
    """

    height: int
    width: int
    bands: int
    dtype: str
    crs_wkt: str | None
    transform: tuple[float, float, float, float, float, float]
    nodata: float | None
    pixel_m: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if min(self.height, self.width, self.bands) <= 0:
            raise ValueError(f"a raster has at least one row, column and band, got {self!r}")
        if len(self.transform) != 6:  # noqa: PLR2004  # an affine map of the plane has six numbers
            raise ValueError(f"a transform has six numbers a, b, c, d, e, f, got {self.transform!r}")


def scene_of(uri: str, *, name: str | None = None, bands: tuple[Band, Band, Band] | None = None) -> Scene:
    """Describe the raster at ``uri`` (a path, ``file://`` or ``s3://``), or that of ``bands``.

    The id is ``name``, else the file's stem, made safe for file systems and object stores, and sixteen hex
    digits of the SHA-256 of the absolute uri, or of the bands: files of one name in two folders stay apart,
    and one file has one id however its path was written or its uri signed.

    Raises:
        PipelineError: it is no uri of a listed scheme, or a name that is no text.

    >>> scene_of("s3://bucket/north/A 1.tif").scene_id
    'A-1-6c0f7a1f5cc4d229'
    """
    absolute = absolute_uri(uri)
    absolute = absolute.rstrip("/") if is_zarr(absolute) else absolute
    files = [unsigned(absolute)] if bands is None else [f"{unsigned(b.uri)}#{b.number}" for b in bands]
    return Scene(_scene_id(absolute, name, files), absolute, bands)


def _scene_id(uri: str, name: str | None, files: list[str]) -> str:
    stem = _stem(uri) if name is None else name
    safe = re.sub(r"[^A-Za-z0-9_]+", "-", stem).strip("-")[:_STEM_MAX_CHARS] or "scene"
    digest = hashlib.sha256("\n".join(files).encode()).hexdigest()[:DIGEST_CHARS]
    return f"{safe}-{digest}"


def _stem(absolute: str) -> str:
    """Return the stem of a file's name, without what of its uri is not to be shown."""
    plain = unsigned(absolute)
    if objects.is_remote(absolute) and redacted(absolute) != plain:
        plain = re.split(r"[?#;]|%(?:25)*3F", plain, maxsplit=1, flags=re.IGNORECASE)[0]
    if objects.is_web(plain):
        plain = re.split(r"[?#]", plain, maxsplit=1)[0].partition("://")[2].partition("/")[2]
    return Path(plain).stem


def absolute_uri(uri: str) -> str:
    """Return ``uri`` as is where it names a remote object, else as an absolute local path without ``..``.

    Raises:
        PipelineError: it is no uri of a listed scheme.
    """
    page = _PAGE.match(uri)
    if page:
        return page[0] + absolute_uri(file_of(uri))
    objects.check_uri(uri)
    if objects.is_remote(uri):
        return objects.with_small_scheme(uri)
    return str(_without_parents(Path(objects.readable(uri)).absolute()))


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
