"""Names and colours of classes, in the files by which GDAL and QGIS know them.

A TIFF has colours, but neither names nor transparency. GDAL reads names from a file beside it (PAM), QGIS reads its own
style too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from pipeline.raster import Color

OPAQUE, TRANSPARENT = 255, 0
NO_DATA = "no data"

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INTEGER, _TEXT = "0", "2"
_COLUMNS = (
    ("Value", _INTEGER, "5"),
    ("Class", _TEXT, "2"),
    ("Red", _INTEGER, "6"),
    ("Green", _INTEGER, "7"),
    ("Blue", _INTEGER, "8"),
    ("Alpha", _INTEGER, "9"),
)
"""Of a raster attribute table: name, GDAL's number of the type, and that of what it is used for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Legend:
    """What each value of a class raster means.

    ``names`` and ``colors`` ("#rrggbb") are by class id, of which 0 is ``other``; ``shown`` are the ids that occur, and
    ``nodata`` is the value of pixels without a class.

    Raises:
        ValueError: there are not as many colours as names, one is none, or an id is none of the names'.
    """

    names: tuple[str, ...]
    colors: tuple[str, ...]
    shown: tuple[int, ...]
    nodata: int

    def __post_init__(self) -> None:
        if len(self.names) != len(self.colors) or not self.names:
            raise ValueError(f"each class has a name and a colour, got {self.names!r} and {self.colors!r}")
        bad = [color for color in self.colors if not re.fullmatch("#[0-9a-f]{6}", color)]
        if bad:
            raise ValueError(f"a colour is '#' and six digits from 0 to f, got {bad[0]!r}")
        if not set(self.shown) <= set(range(len(self.names))):
            raise ValueError(f"ids are those of {len(self.names)} names, got {self.shown!r}")

    @property
    def palette(self) -> dict[int, Color]:
        """Red, green and blue of each class id."""
        return {class_id: _rgb(color) for class_id, color in enumerate(self.colors)}

    def entries(self) -> Iterator[tuple[int, str, Color, int]]:
        """Yield value, name, colour and opacity of what is shown: ``other`` and no data are transparent."""
        for class_id in sorted({0, *self.shown}):
            alpha = OPAQUE if class_id else TRANSPARENT
            yield class_id, self.names[class_id], _rgb(self.colors[class_id]), alpha
        yield self.nodata, NO_DATA, (0, 0, 0), TRANSPARENT


def gdal_sidecar(legend: Legend) -> bytes:
    """Return the content of the file, called as the TIFF and ``.aux.xml``, in which GDAL and QGIS look for names."""
    root = ET.Element("PAMDataset")
    band = ET.SubElement(root, "PAMRasterBand", band="1")
    band.append(category_names(legend))
    table = ET.SubElement(band, "GDALRasterAttributeTable", tableType="thematic")
    for index, (name, kind, usage) in enumerate(_COLUMNS):
        column = ET.SubElement(table, "FieldDefn", index=str(index))
        for tag, text in (("Name", name), ("Type", kind), ("Usage", usage)):
            ET.SubElement(column, tag).text = text
    for index, (value, name, color, alpha) in enumerate(legend.entries()):
        row = ET.SubElement(table, "Row", index=str(index))
        for cell in (value, name, *color, alpha):
            ET.SubElement(row, "F").text = _in_xml(str(cell))
    return _document(root)


def category_names(legend: Legend) -> ET.Element:
    """Return GDAL's element of the names by value, from 0 on."""
    found = ET.Element("CategoryNames")
    for name in legend.names:
        ET.SubElement(found, "Category").text = _in_xml(name)
    return found


def color_table(legend: Legend) -> ET.Element:
    """Return GDAL's element of the colours by value, from 0 on."""
    found = ET.Element("ColorTable")
    for class_id, color in legend.palette.items():
        alpha = OPAQUE if class_id else TRANSPARENT
        ET.SubElement(
            found, "Entry", {f"c{number}": str(part) for number, part in enumerate((*color, alpha), 1)}
        )
    return found


def qgis_style(legend: Legend) -> bytes:
    """Return the content of a ``.qml``, by which QGIS shows what is shown, in its colours and by its names."""
    root = ET.Element("qgis", version="3.22.0", styleCategories="Symbology")
    renderer = ET.SubElement(
        ET.SubElement(root, "pipe"),
        "rasterrenderer",
        {"type": "paletted", "band": "1", "opacity": "1", "alphaBand": "-1", "nodataColor": ""},
    )
    palette = ET.SubElement(renderer, "colorPalette")
    for value, name, color, alpha in legend.entries():
        ET.SubElement(
            palette,
            "paletteEntry",
            value=str(value),
            label=_in_xml(name),
            color="#" + bytes(color).hex(),
            alpha=str(alpha),
        )
    return b"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + _document(root)


def _rgb(color: str) -> Color:
    red, green, blue = bytes.fromhex(color.removeprefix("#"))
    return red, green, blue


def _in_xml(text: str) -> str:
    """Return a text with the characters replaced that no XML may have."""
    return _NOT_IN_XML.sub("\ufffd", text)


def _document(root: ET.Element) -> bytes:
    ET.indent(root)
    return f"{ET.tostring(root, encoding='unicode')}\n".encode()
