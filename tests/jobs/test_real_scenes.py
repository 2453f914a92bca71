"""The main job on real scenes, its store read by others and its areas added up by geodesics."""

import warnings
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import rasterio
import xarray as xr
import zarr
from PIL import Image
from rio_tiler.io.xarray import XarrayReader

from jobs import segment
from pipeline.raster import read_header
from tests.pipeline.geodesics import pixels_by_geodesics, scene_by_its_outline

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import rioxarray  # noqa: F401 - it gives xarray its `.rio`

WORDS = "building; land; road; vegetation; water"
NO_DATA = 255
pytestmark = [
    pytest.mark.usefixtures("ray_cluster"),
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),
]


def lay_together(parts: list[Path], scene: Path, *, cols: int) -> Path:
    """Write adjacent parts, given row by row, ``cols`` a row, as one GeoTIFF near Dubai, 0.3 m a pixel."""
    pixels = [np.asarray(Image.open(part).convert("RGB")) for part in parts]
    whole = np.vstack([np.hstack(pixels[at : at + cols]) for at in range(0, len(parts), cols)])
    with rasterio.open(
        scene,
        "w",
        driver="GTiff",
        height=whole.shape[0],
        width=whole.shape[1],
        count=3,
        dtype="uint8",
        tiled=True,
        crs="EPSG:32640",
        transform=rasterio.Affine(0.3, 0, 325_000, 0, -0.3, 2_780_000),
        photometric="rgb",
    ) as target:
        target.write(np.moveaxis(whole, -1, 0))
    return scene


def check(scene: Path, output: Path) -> None:
    """Segment a scene; its store must lie where the scene lies, and its areas add up."""
    arguments = [str(scene), "--classes", WORDS, "-o", str(output), "--actors", "1", "--window-px", "1024"]
    assert segment.main(arguments) == 0
    (store,) = (output / "scenes").glob("*/masks.zarr")
    with rasterio.open(scene) as source:
        crs, transform, shape = source.crs, source.transform, source.shape
        valid = source.read_masks([1, 2, 3]).any(axis=0)
    with xr.open_zarr(store, group="0", decode_coords="all") as level:
        found = level["class"].load()
    assert found.rio.crs == crs
    assert found.rio.transform() == transform
    assert found.rio.nodata == NO_DATA
    assert found.shape == shape
    np.testing.assert_array_equal(found.values == NO_DATA, ~valid)
    with XarrayReader(found) as reader:
        assert reader.crs == crs
        assert reader.transform == transform
        np.testing.assert_array_equal(np.ma.getmaskarray(reader.preview(max_size=None).array)[0], ~valid)
    array = zarr.open_array(store, path="0/class", mode="r")
    assert array.fill_value == NO_DATA
    np.testing.assert_array_equal(array[:], found.values)
    summary = pq.read_table(output / "summary.parquet").to_pydict()
    counts = np.bincount(found.values[valid], minlength=len(summary["pixels"]))
    assert dict(zip(summary["class_id"], summary["pixels"], strict=True)) == dict(enumerate(counts))
    header = read_header(str(scene))
    expected = scene_by_its_outline(header) - pixels_by_geodesics(header, *np.nonzero(~valid)).sum()
    assert sum(summary["area_m2"]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.slow
def test_a_naip_scene(shared_data: Path, tmp_path: Path) -> None:
    scene = shared_data / "geotiff/opengeos-data/naip/m_4709963_se_14_1_20120731.tif"
    check(scene, tmp_path / "out")


@pytest.mark.slow
def test_four_parts_laid_together_as_one_scene(shared_data: Path, tmp_path: Path) -> None:
    nine = sorted((shared_data / "semseg/dubai/tile2/images").glob("*.jpg"))
    parts = [nine[at] for at in (0, 1, 3, 4)]  # of three a row
    check(lay_together(parts, tmp_path / "dubai.tif", cols=2), tmp_path / "out")
