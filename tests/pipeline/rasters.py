"""Rasters of any kind, written by rasterio itself for the tests of the door to it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from pipeline import raster
from pipeline.config import Reading
from pipeline.errors import RasterError
from pipeline.geometry.view import View
from pipeline.geometry.window import Window
from pipeline.sources.naming import scene_of

UTM = (2.0, 0.0, 500_000.0, 0.0, -2.0, 5_000_000.0)


def write(path: Path, pixels: np.ndarray, **options: Any) -> str:  # noqa: ANN401 - GDAL's
    """Write (bands, y, x) by rasterio, with what a profile cannot hold: colours, mask, descriptions, palette."""
    apart = ("colorinterp", "mask", "descriptions", "palette", "overviews")
    extra = {name: options.pop(name) for name in apart if name in options}
    bands, height, width = pixels.shape
    profile: dict[str, Any] = {"driver": "GTiff", "crs": "EPSG:32633", "transform": rasterio.Affine(*UTM)}
    profile |= {"height": height, "width": width, "count": bands, "dtype": pixels.dtype} | options
    with rasterio.open(path, "w", **profile) as target:
        if "colorinterp" in extra:
            target.colorinterp = [rasterio.enums.ColorInterp[name] for name in extra["colorinterp"]]
        for band, text in enumerate(extra.get("descriptions", ()), 1):
            target.set_band_description(band, text)
        if "palette" in extra:
            target.write_colormap(1, extra["palette"])
        target.write(pixels)
        if "mask" in extra:
            target.write_mask(extra["mask"])
        if "overviews" in extra:
            target.build_overviews(extra["overviews"], rasterio.enums.Resampling.average)
    return str(path)


def read_whole(uri: str, **reading: Any) -> tuple[np.ndarray, np.ndarray]:  # noqa: ANN401 - a Reading's
    """Look at a raster and read all of it."""
    view = raster.view_of(scene_of(uri), Reading(**reading))
    return raster.read_view(view, extent(view), Reading(**reading))


def assert_refused(uri: object, message: str, **reading: Any) -> None:  # noqa: ANN401 - a Reading's
    """A raster is refused by its header, before a pixel is read."""
    with pytest.raises(RasterError, match=message):
        raster.view_of(scene_of(str(uri)), Reading(**reading))


def assert_unreadable(uri: object, message: str, **reading: Any) -> None:  # noqa: ANN401 - a Reading's
    """A raster is refused, at the latest when its pixels are read."""
    with pytest.raises(RasterError, match=message):
        read_whole(str(uri), **reading)


def extent(view: View) -> Window:
    return Window(0, 0, view.header.height, view.header.width)
