"""Every raster of ../shared/data: as an oracle of its own reads it whole, or refused by the name of its fault.

The oracle is written from GDAL's own means: whole reads, its masks, its warped VRT, and what each file is known to be.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.vrt import WarpedVRT

from pipeline import raster, store
from pipeline.errors import RasterError
from pipeline.geometry.areas import pixel_areas_m2
from pipeline.geometry.view import View
from pipeline.geometry.window import Window
from pipeline.output import Output
from pipeline.sources.naming import scene_of
from tests.pipeline.rasters import extent

REFUSED = {
    ".csv": "is a text file",
    ".xml": "is a text file",
    ".cpg": "is a text file",
    ".prj": "is a text file",
    ".geojson": "is a text file",
    ".json": "is a text file",
    ".shp": "is not a GeoTIFF",
    ".shx": "is not a GeoTIFF",
    ".npy": "is not a GeoTIFF",
    "sar_vh.tif": "has pixels of complex64, which have no brightness",
    "compdcs.vrt": "389225main_sw_1965_1024.jpg, which does not exist",
    "white-gemini-iv.vrt": "389225main_sw_1965_1024.jpg, which does not exist",
}
"""By name, or by what a name ends in: all else must be read."""


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """GDAL's raster: warped in the CRS of its points or polynomials where it has them and no transform."""
    with warnings.catch_warnings(), rasterio.Env(GDAL_PNG_WHOLE_IMAGE_OPTIM=False):
        warnings.simplefilter("ignore")
        with rasterio.open(path) as source:
            if source.transform == rasterio.Affine.identity() and (source.gcps[0] or source.rpcs):
                crs = source.gcps[1] or "EPSG:4326"
                with WarpedVRT(
                    source, src_crs=crs, crs=crs, tolerance=0, add_alpha=True, nodata=None
                ) as flat:
                    yield flat
            else:
                yield source


def stored_colours(source: Any) -> np.ndarray:  # noqa: ANN401 - GDAL's
    """Red, green and blue as they are stored, (y, x, 3)."""
    names = [meaning.name for meaning in source.colorinterp]
    if names[0] == "palette":
        table = source.colormap(1)
        colours: np.ndarray = np.array([table[number][:3] for number in range(len(table))], np.uint8)
        return np.asarray(colours[source.read(1)])
    data = [band for band, name in enumerate(names, 1) if name != "alpha"]
    assert names[:3] in (["red", "green", "blue"], ["gray", "undefined", "undefined"]) or len(data) == 1, (
        names
    )
    return np.moveaxis(source.read(data[:3] if len(data) >= 3 else data[:1] * 3), 0, -1)


def valid_of(source: Any, stored: np.ndarray) -> np.ndarray:  # noqa: ANN401 - GDAL's
    """Where GDAL's mask of the dataset is set and a value is a number."""
    valid = source.dataset_mask() > 0
    if np.issubdtype(stored.dtype, np.floating):
        valid &= ~np.isnan(stored).all(axis=-1)
    return np.asarray(valid)


def assert_levels(found: np.ndarray, stored: np.ndarray, view: View, path: Path) -> None:
    """8 bits are as stored; others lie on the line between two values that 2 in 100 are below and above."""
    for place in range(3):
        limits = view.ranges[place if len(view.ranges) == 3 else 0]
        band = stored[:, place].astype(float)
        if limits is None:
            assert np.array_equal(found[:, place], stored[:, place]), path
            continue
        share = np.clip((band - limits[0]) / (limits[1] - limits[0]), 0, 1)
        assert np.abs(found[:, place] - share * 255).max() <= 0.5 + 1e-6, path
        if len(np.unique(band)) > 10:
            allowed = 0.001 if stored.shape[0] < 2**22 else 0.02  # a large scene is sampled
            assert (band < limits[0]).mean() <= 0.02 + allowed, path
            assert (band > limits[1]).mean() <= 0.02 + allowed, path
            assert (band <= limits[0]).mean() >= 0.02 - allowed, path
            assert (band >= limits[1]).mean() >= 0.02 - allowed, path


def outcome(path: Path, tmp_path: Path) -> str:
    """Compare a file with the oracle, lay a store out for it; returns what came of it, for the table."""
    fault = REFUSED.get(path.name, REFUSED.get(path.suffix))
    if fault is not None:
        with pytest.raises(RasterError, match=rf"{re.escape(str(path))}.*{re.escape(fault)}"):
            raster.view_of(scene_of(str(path)))
        return f"refused: {fault}"
    view = raster.view_of(scene_of(str(path)))
    pixels, valid = raster.read_view(view, extent(view))
    with opened(path) as source:
        stored = stored_colours(source)
        assert np.array_equal(valid, valid_of(source, stored)), path
        assert_levels(pixels[valid], stored[valid], view, path)
        assert (pixels[~valid] == raster.FILL).all(), path
        assert view.header.transform == tuple(source.transform)[:6], path
        assert (view.header.crs_wkt is None) == (source.crs is None), path
        if view.header.crs_wkt:
            assert rasterio.crs.CRS.from_wkt(view.header.crs_wkt) == source.crs, path
        place = "no CRS" if source.crs is None else source.crs.to_string()[:28]
    store.lay_out(
        Output(str(tmp_path)).scene(scene_of(str(path)).scene_id),
        header=view.header,
        classes=["a"],
        chunk_px=256,
    )
    areas = pixel_areas_m2(view.header, Window(0, 0, 1, 1))
    assert (areas is None) == (view.header.crs_wkt is None), path
    levels = "stretched" if any(view.ranges) else "as stored"
    bands = ",".join(str(band.number) for band in view.bands)
    return (
        f"{view.header.dtype} {view.header.bands} bands: {view.colours} {bands}, {levels}, "
        f"{valid.mean():.1%} valid, {place}, {view.placed}"
    )


@pytest.mark.slow
def test_every_real_raster_is_as_the_oracle_reads_it_or_refused_by_its_fault(
    shared_data: Path, tmp_path: Path
) -> None:
    roots = [shared_data / "geotiff", shared_data / "gigapixel"]
    files = [path for root in roots for path in sorted(root.rglob("*")) if path.is_file()]
    found = {str(path.relative_to(shared_data)): outcome(path, tmp_path) for path in files}
    for name, text in found.items():
        if "nasa_tiles/data/tiles" not in name:
            print(f"{name}: {text}")
    assert len(found) > 220
    assert sum(text.startswith("refused") for text in found.values()) < 16


@pytest.mark.parametrize("window_px", [97, 256])
def test_windows_of_odd_files_are_the_whole(shared_data: Path, window_px: int) -> None:
    """Warped, masked, sampled, in strips: what a window gives never depends on the window."""
    from pipeline.geometry.grid import plan_windows  # noqa: PLC0415 - of this one test

    for name in (
        "rasterio/RGB.byte.rpc.vrt",
        "rio-tiler/cog_gcps_ovr.tif",
        "rio-tiler/rgb.tif",
        "rasterio/rotated.tif",
    ):
        view = raster.view_of(scene_of(str(shared_data / "geotiff" / name)))
        whole = raster.read_view(view, extent(view))
        for window in plan_windows(view.header.height, view.header.width, window_px=window_px):
            for part, all_ in zip(raster.read_view(view, window), whole, strict=True):
                assert np.array_equal(part, all_[window.slices_in(extent(view))]), name
