"""What GDAL itself reads beside a raster of its values' names: rasterio has no words for it."""

import ctypes
from pathlib import Path
from typing import NamedTuple

import rasterio


class Names(NamedTuple):
    """Names by value from 0 on, and the rows of the attribute table as texts."""

    categories: list[str]
    table: list[list[str]]


def names_of(path: Path) -> Names:
    """Return them of the first band, by the GDAL of rasterio's wheel."""
    with rasterio.Env():
        library = _library()
        dataset = ctypes.c_void_p(library.GDALOpen(str(path).encode(), 0))
        try:
            band = ctypes.c_void_p(library.GDALGetRasterBand(dataset, 1))
            rows = _rows(library, band)  # GDAL 3.10 looks for names beside a TIFF only after something else
            return Names(_texts(library, band), rows)
        finally:
            library.GDALClose(dataset)


def _library() -> ctypes.CDLL:
    folder = Path(rasterio.__file__).parent.parent / "rasterio.libs"
    (path,) = folder.glob("libgdal-*")
    library = ctypes.CDLL(str(path))
    for name in ("GDALOpen", "GDALGetRasterBand", "GDALGetDefaultRAT"):
        getattr(library, name).restype = ctypes.c_void_p
    library.GDALGetRasterCategoryNames.restype = ctypes.POINTER(ctypes.c_char_p)
    library.GDALRATGetValueAsString.restype = ctypes.c_char_p
    return library


def _texts(library: ctypes.CDLL, band: ctypes.c_void_p) -> list[str]:
    names = library.GDALGetRasterCategoryNames(band)
    found: list[str] = []
    while names and names[len(found)]:
        found.append(names[len(found)].decode())
    return found


def _rows(library: ctypes.CDLL, band: ctypes.c_void_p) -> list[list[str]]:
    table = ctypes.c_void_p(library.GDALGetDefaultRAT(band))
    rows, columns = library.GDALRATGetRowCount(table), library.GDALRATGetColumnCount(table)
    return [
        [library.GDALRATGetValueAsString(table, row, column).decode() for column in range(columns)]
        for row in range(rows)
    ]
