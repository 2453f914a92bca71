"""What a virtual raster may consist of: a mosaic's elements, read as GDAL reads them and written anew.

To GDAL an attribute is as good as an element, and case counts in no name. What is no part of a mosaic (raw bytes,
pixel functions, warps, options of drivers) is refused; what says nothing of pixels or georeference is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.etree import ElementTree as ET

SOURCE_NAME = "SourceFilename"

_SOURCES = ("SimpleSource", "ComplexSource", "AveragedSource")
_SOURCE = (
    "SourceFilename SourceBand SourceProperties SrcRect DstRect UseMaskBand resampling name ScaleOffset ScaleRatio LUT "
    "Exponent SrcMin SrcMax DstMin DstMax Clamp NODATA ColorTableComponent"
)
_PLACED = "dataAxisToSRSAxisMapping coordinateEpoch"
_RECTANGLE = "xOff yOff xSize ySize"
_INSIDE = {
    "VRTDataset": "rasterXSize rasterYSize subClass SRS GeoTransform GCPList Metadata VRTRasterBand MaskBand "
    "OverviewList BlockXSize BlockYSize",
    "SRS": _PLACED,
    "GCPList": f"Projection GCP {_PLACED}",
    "GCP": "Id Info Pixel Line X Y Z",
    "Metadata": "domain format MDI",
    "MDI": "key",
    "OverviewList": "resampling",
    "MaskBand": "VRTRasterBand",
    "VRTRasterBand": "dataType band subClass blockXSize blockYSize Description UnitType Offset Scale ColorInterp "
    f"ColorTable NoDataValue HideNoDataValue Metadata MaskBand {' '.join(_SOURCES)}",
    "NoDataValue": "le_hex_equiv",
    "ColorTable": "Entry",
    "Entry": "c1 c2 c3 c4",
    **dict.fromkeys(_SOURCES, _SOURCE),
    SOURCE_NAME: "relativeToVRT shared",
    "SourceProperties": "RasterXSize RasterYSize DataType BlockXSize BlockYSize",
    "SrcRect": _RECTANGLE,
    "DstRect": _RECTANGLE,
}
_ALLOWED = {tag: {name.lower(): name for name in names.split()} for tag, names in _INSIDE.items()}
_TEXTS = frozenset({"SRS", "OverviewList", "NoDataValue", SOURCE_NAME})
"""May be attributes, though as elements they have attributes of their own."""

_IGNORED = frozenset({"histograms", "gdalrasterattributetable", "categorynames"})
_DOMAINS = frozenset({"", "rpc", "image_structure"})
"""Pixels and georeference depend on these kinds of metadata; of the others none comes along, least of all a file."""
_SUB_CLASSES = {
    "vrtdataset": ("VRTDataset", ("", "vrtdataset")),
    "vrtrasterband": ("VRTSourcedRasterBand", ("", "vrtrasterband", "vrtsourcedrasterband")),
}
_MANY = frozenset({"metadata", "mdi", "vrtrasterband", "gcp", "entry", *map(str.lower, _SOURCES)})


class UnknownElementError(ValueError):
    """Something that is no part of a mosaic; its message says what."""


def rebuilt_tree(root: ET.Element, name_of: Callable[[str, str], str]) -> ET.Element:
    """Return the mosaic that ``root`` describes, of known elements alone.

    ``name_of`` gives the name of the file that GDAL is to open for a name in it and its ``relativeToVRT``.

    Raises:
        UnknownElementError: there is more in it.
    """
    if root.tag.lower() != "vrtdataset":
        raise UnknownElementError(f"begins with {root.tag}")
    return _rebuilt(root, "VRTDataset", name_of)


def _rebuilt(element: ET.Element, tag: str, name_of: Callable[[str, str], str]) -> ET.Element:
    new, seen = ET.Element(tag), set()
    new.text = element.text
    for key, child in _children(element):
        known = _ALLOWED.get(tag, {}).get(key)
        if key in _IGNORED and known is None:
            continue
        if known is None or (isinstance(child, str) and known in _ALLOWED and known not in _TEXTS):
            raise UnknownElementError(f"holds {tag} with {key}")
        if key in seen and key not in _MANY:
            continue  # the first one counts, as for GDAL
        seen.add(key)
        _take(new, known, child, name_of)
    return new


def _children(element: ET.Element) -> Iterator[tuple[str, str | ET.Element]]:
    """Yield what is in an element by its name in small letters, as GDAL has it: attributes before elements."""
    yield from ((name.lower(), value) for name, value in element.attrib.items())
    yield from ((child.tag.lower(), child) for child in element)


def _take(new: ET.Element, name: str, child: str | ET.Element, name_of: Callable[[str, str], str]) -> None:
    """Add an attribute or an element to the new one."""
    text = child if isinstance(child, str) else child.text or ""
    if name == "subClass":
        new.set(name, _sub_class(new.tag, text))
    elif name == SOURCE_NAME:
        new.append(_source(child, name_of))
    elif isinstance(child, str):
        new.set(name, child)
    elif name != "Metadata" or _said(child, "domain").lower() in _DOMAINS:
        new.append(_rebuilt(child, name, name_of))


def _source(child: str | ET.Element, name_of: Callable[[str, str], str]) -> ET.Element:
    """Return the element that names a file, which has no name but that of ``name_of``."""
    found = ET.Element(SOURCE_NAME, relativeToVRT="0")
    if isinstance(child, str):
        found.text = name_of(child, "0")
        return found
    checked = _rebuilt(child, SOURCE_NAME, name_of)
    found.text = name_of(child.text or "", _said(checked, "relativeToVRT") or "0")
    if _said(checked, "shared"):
        found.set("shared", _said(checked, "shared"))
    return found


def _said(element: ET.Element, name: str) -> str:
    """Return the text of the first attribute or element of a name, empty where there is none."""
    for key, child in _children(element):
        if key == name.lower():
            return child if isinstance(child, str) else child.text or ""
    return ""


def _sub_class(tag: str, said: str) -> str:
    """Return the one class that an element may be of.

    Raises:
        UnknownElementError: it is to be of another.
    """
    own, known = _SUB_CLASSES[tag.lower()]
    if said.lower() not in known:
        raise UnknownElementError(f"holds {tag} {said}")
    return own
