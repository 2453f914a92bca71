"""Virtual rasters: texts that name other files, and so could name any. Looked into before GDAL follows them."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from pipeline import objects
from pipeline.errors import RasterError
from pipeline.raster.kinds import MAGIC

MARK = b"<VRTDataset"
"""What GDAL takes a file for a VRT by."""

_LIMIT_BYTES = 16 * 2**20
_LEVELS = 4  # VRTs of VRTs of ...
_ELEMENTS = frozenset({
    "VRTDataset", "SRS", "GeoTransform", "GCPList", "GCP", "Metadata", "MDI", "VRTRasterBand",
    "Description", "UnitType", "Offset", "Scale", "ColorInterp", "ColorTable", "Entry", "CategoryNames",
    "Category", "NoDataValue", "HideNoDataValue", "Histograms", "HistItem", "HistMin", "HistMax",
    "BucketCount", "IncludeOutOfRange", "Approximate", "HistCounts", "MaskBand", "OverviewList",
    "BlockXSize", "BlockYSize", "SimpleSource", "ComplexSource", "AveragedSource", "SourceFilename",
    "SourceBand", "SourceProperties", "SrcRect", "DstRect", "UseMaskBand", "ScaleOffset", "ScaleRatio",
    "LUT", "Exponent", "SrcMin", "SrcMax", "DstMin", "DstMax", "Clamp", "NODATA",
    "GDALRasterAttributeTable",
})  # fmt: skip
_BAND_KINDS = (None, "VRTRasterBand", "VRTSourcedRasterBand")


def check_sources(uri: str, *, level: int = 0) -> list[str]:
    """Return the files below the VRT at ``uri``, each once, when all lie in or below its own folder.

    Of what a VRT may be, mosaics of plain rasters and of such VRTs are known here, and nothing else: raw
    bytes of any file, pixel functions, warps, services and databases are refused.

    Raises:
        RasterError: it names a file elsewhere, one that is missing or no plain raster, or does what is not known.
    """
    if level == _LEVELS:
        raise RasterError(f"{uri} is a virtual raster of virtual rasters more than {_LEVELS} deep")
    files: dict[str, None] = {}
    for element in _parsed(uri).iter():
        if element.tag not in _ELEMENTS or element.get("subClass") not in _BAND_KINDS:
            raise _refusal(uri, f"holds {element.tag} {element.get('subClass') or ''}".strip())
        if element.tag == "SourceFilename":
            source = _source(uri, element)
            files.update(dict.fromkeys(_files(uri, source, level=level)))
    return list(files)


def _parsed(uri: str) -> ET.Element:
    text = objects.get_bytes(uri, limit_bytes=_LIMIT_BYTES + 1)
    if len(text) > _LIMIT_BYTES or b"<!" in text:
        raise _refusal(uri, "is larger than 16 MiB, or has comments or declarations")
    try:
        # Of a str the encoding that a file declares counts as little as it does for GDAL.
        return ET.fromstring(text.decode())  # noqa: S314 - without declarations no entity expands
    except (ET.ParseError, UnicodeDecodeError) as error:
        raise RasterError(f"{uri} is a virtual raster that is no XML: {error}") from error


def _source(uri: str, element: ET.Element) -> str:
    """Return the uri of a named file, once it is known to lie below the VRT's folder."""
    name, relative = element.text or "", element.get("relativeToVRT", "0")
    folder = uri.rsplit("/", 1)[0]
    if relative not in {"0", "1"}:
        raise _refusal(uri, f"names {name!r} by relativeToVRT={relative!r}")
    if objects.is_remote(uri):
        if relative == "0" or name.startswith("/") or ".." in name or ":" in name:
            raise _refusal(uri, f"names {name!r}, which is not below its own folder")
        return objects.join(folder, name)
    below = Path(folder).resolve()
    path = (below / name if relative == "1" else Path(name)).resolve()
    if "://" in name or name.startswith("/vsi") or not path.is_relative_to(below):
        raise _refusal(uri, f"names {name!r}, which is not below its own folder")
    return str(path)


def _files(uri: str, source: str, *, level: int) -> list[str]:
    try:
        beginning = objects.get_bytes(source, limit_bytes=1024)
    except OSError as error:
        raise RasterError(f"{uri} is a virtual raster of {source}, which does not exist") from error
    if beginning.startswith(tuple(MAGIC)):
        return [source]
    if MARK in beginning:
        return check_sources(source, level=level + 1)
    raise _refusal(uri, f"names {source}, which is no TIFF, PNG, JPEG, JPEG 2000 or VRT")


def _refusal(uri: str, what: str) -> RasterError:
    return RasterError(
        f"{uri} is a virtual raster that {what}: convert it to a GeoTIFF, or set vrt: anywhere where its "
        "author is trusted"
    )
