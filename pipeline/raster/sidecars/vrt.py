"""Virtual rasters: texts that name other files, and so could name any.

GDAL is never given one to resolve. It is read here, each file that it names is looked for in or below its own folder,
and what GDAL opens is a text written anew, in a folder of its own, which holds what was understood and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

from pipeline.config import Reading
from pipeline.errors import RasterError
from pipeline.raster.gdal.file_kinds import SNIFF_BYTES, plain_driver
from pipeline.raster.gdal.naming import gdal_path
from pipeline.raster.sidecars.checks import check_sidecars, check_unopened
from pipeline.raster.sidecars.names import Sidecars
from pipeline.raster.sidecars.vrt_elements import UnknownElementError, rebuilt_tree
from pipeline.storage import objects

MARK = b"<VRTDataset"
"""What GDAL takes a file for a VRT by."""

LEVELS = 4
"""How deep VRTs may be of VRTs."""

_LIMIT_BYTES = 16 * 2**20
MANY_NAMES = 100_000  # in a folder that is listed once for all of a mosaic's tiles
_DECLARATION = re.compile(rb"<!(?!--|\[CDATA\[)")


def sources_of(uri: str, reading: Reading) -> tuple[list[str], list[str]]:
    """Return the plain rasters that the VRT at ``uri`` is made of, each once, and the VRTs in it, itself first.

    Raises:
        RasterError: as ``rebuilt``.
    """
    mosaic = _Mosaic(None, reading)
    mosaic.add(uri, level=0)
    return list(mosaic.plain), list(mosaic.virtual)


@contextmanager
def rebuilt(uri: str, reading: Reading) -> Iterator[str]:
    """Yield a path, good until the end of the context, at which GDAL may open the VRT at ``uri``.

    The files that it names are of the drivers of ``reading``, and have none beside them that name others.
    Of what a VRT may be, mosaics of plain rasters and of such VRTs are known here, and nothing else: raw
    bytes of any file, pixel functions, warps, services and databases are refused.

    Raises:
        RasterError: it names a file elsewhere, one that is missing or no plain raster, or does what is not known.
    """
    with TemporaryDirectory(prefix="vrt-") as folder:
        mosaic = _Mosaic(Path(folder), reading)
        path = mosaic.add(uri, level=0)
        for plain in mosaic.plain:
            check_unopened(plain, mosaic.sidecars, reading.drivers)
        yield path


@dataclass(slots=True)
class _Mosaic:
    """What was found of a VRT and of those in it; they are written into ``folder``, where there is one."""

    folder: Path | None
    reading: Reading
    plain: dict[str, None] = field(default_factory=dict)
    virtual: dict[str, str] = field(default_factory=dict)
    sidecars: Sidecars = field(init=False)

    def __post_init__(self) -> None:
        self.sidecars = Sidecars(self.reading.storage, limit=MANY_NAMES)

    def add(self, uri: str, *, level: int) -> str:
        """Take in a VRT and all that it names; return the path of the new one."""
        if level == LEVELS:
            raise RasterError(f"{uri} is a virtual raster of virtual rasters more than {LEVELS} deep")
        names: dict[tuple[str, str], str] = {}

        def name_of(name: str, relative: str) -> str:
            if (name, relative) not in names:
                names[name, relative] = self._file(uri, _source(uri, name, relative), level)
            return names[name, relative]

        try:
            tree = rebuilt_tree(_parsed(uri, self.reading), name_of)
        except UnknownElementError as error:
            raise _refusal(uri, str(error)) from error
        self.virtual[uri] = self._written(uri, tree)
        return self.virtual[uri]

    def _file(self, uri: str, source: str, level: int) -> str:
        """Return what GDAL is to open for a file that a VRT names."""
        if source in self.plain:
            return gdal_path(source)
        if source in self.virtual:
            return self.virtual[source]
        beginning = _beginning(uri, source, self.reading)
        driver = plain_driver(beginning)
        if driver in self.reading.drivers:
            self.plain[source] = None
            return gdal_path(source)
        if driver is None and MARK in beginning:
            return self.add(source, level=level + 1)
        raise _refusal(uri, f"names {source}, which is no TIFF, PNG, JPEG, JPEG 2000 or VRT")

    def _written(self, uri: str, tree: ET.Element) -> str:
        """Write a VRT under its own name, and lead to the overviews and the mask that lie beside it."""
        if self.folder is None:
            return ""
        folder = self.folder / str(len(self.virtual))
        folder.mkdir()
        path = folder / Path(urlsplit(uri).path if objects.is_web(uri) else uri).name
        path.write_bytes(ET.tostring(tree))
        check_sidecars(uri, self.sidecars, self.reading.drivers)
        for file in self.sidecars.of(uri):
            beginning, rest = Path(file).name[: len(path.name)], Path(file).name[len(path.name) :]
            if beginning.lower() == path.name.lower() and not objects.is_remote(file):
                (folder / (path.name + rest.lower())).symlink_to(file)
        return str(path)


def _parsed(uri: str, reading: Reading) -> ET.Element:
    text = objects.get_bytes(reading.at(uri), limit_bytes=_LIMIT_BYTES + 1)
    if len(text) > _LIMIT_BYTES or _DECLARATION.search(text):
        raise _refusal(uri, "is larger than 16 MiB, or has declarations")
    try:
        # Of a str the encoding that a file declares counts as little as it does for GDAL.
        return ET.fromstring(text.decode())  # noqa: S314 - without declarations no entity expands
    except (ET.ParseError, UnicodeDecodeError) as error:
        raise RasterError(f"{uri} is a virtual raster that is no XML: {error}") from error


def _source(uri: str, name: str, relative: str) -> str:
    """Return the uri of a named file, once it is known to lie below the VRT's folder."""
    if relative not in {"0", "1"}:
        raise _refusal(uri, f"names {name!r} by relativeToVRT={relative!r}")
    if objects.is_remote(uri):
        parts = re.split(r"[/\\]", unquote(unquote(name)))
        if (
            relative == "0"
            or not parts[0]
            or ".." in parts
            or ":" in unquote(name)
            or "?" in name
            or "#" in name
        ):
            raise _refusal(uri, f"names {name!r}, which is not below its own folder")
        return objects.join(_folder(uri), name)
    folder = Path(objects.local_path(uri)).absolute().parent
    path = folder / name if relative == "1" else Path(name).absolute()
    if "\0" in name or "://" in name or name.startswith("/vsi"):
        raise _refusal(uri, f"names {name!r}, which is not below its own folder")
    if not path.resolve().is_relative_to(folder.resolve()):
        raise _refusal(uri, f"names {name!r}, which is not below its own folder")
    return str(path)


def _folder(uri: str) -> str:
    """Return the folder of an object on another machine; what signs it is for the object alone."""
    if not objects.is_web(uri):
        return uri.rsplit("/", 1)[0]
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rsplit('/', 1)[0]}"


def _beginning(uri: str, source: str, reading: Reading) -> bytes:
    if not objects.is_remote(source) and not Path(source).is_file():
        raise RasterError(f"{uri} is a virtual raster of {source}, which does not exist, or is no file")
    try:
        return objects.get_bytes(reading.at(source), limit_bytes=SNIFF_BYTES)
    except OSError as error:
        raise RasterError(f"{uri} is a virtual raster of {source}, which does not exist") from error


def _refusal(uri: str, what: str) -> RasterError:
    return RasterError(
        f"{uri} is a virtual raster that {what}: convert it to a GeoTIFF, or set vrt: anywhere where its "
        "author is trusted"
    )
