"""Grey pictures whose lowest value is white come in as the same pictures stored the other way round."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio.shutil

from pipeline import raster
from pipeline.config import Reading
from pipeline.geometry.scene import Band, Scene
from pipeline.sources.naming import scene_of
from tests.pipeline.rasters import extent, read_whole, write

GREY = np.random.default_rng(0).integers(0, 256, (1, 96, 120)).astype(np.uint8)
SMOOTH = (np.add.outer(np.arange(96), np.arange(120)) % 256)[None].astype(np.uint8)
STORED: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
    "uint8": (255 - GREY, {}),
    "uint16": (65535 - GREY.astype(np.uint16) * 257, {}),
    "int16": (-GREY.astype(np.int16), {}),
    "float32": (1 - GREY.astype(np.float32) / 255, {}),
    "jpeg": (255 - SMOOTH, {"compress": "jpeg", "jpeg_quality": 95}),
    "tiles": (255 - GREY, {"compress": "lzw", "tiled": True, "blockxsize": 32, "blockysize": 32}),
}


def write_white(path: Path, stored: np.ndarray, **options: Any) -> str:  # noqa: ANN401 - GDAL's
    return write(path, stored, photometric="MINISWHITE", **options)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize("kind", STORED)
def test_the_lowest_value_is_white(tmp_path: Path, kind: str) -> None:
    stored, options = STORED[kind]
    found, valid = read_whole(write_white(tmp_path / "a.tif", stored, **options))
    assert valid.all()
    assert correlation(found[..., 0], SMOOTH if kind == "jpeg" else GREY) > 0.99
    if kind in ("uint8", "tiles"):
        assert np.array_equal(found, np.moveaxis(GREY[[0, 0, 0]], 0, -1))


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("bands", [None, (1,), (1, 1, 1)])
def test_so_it_is_with_few_bits(tmp_path: Path, bits: int, bands: tuple[int, ...] | None) -> None:
    most = 2**bits - 1
    levels = (GREY // 2 ** (8 - bits)).astype(np.uint8)
    found, _ = read_whole(write_white(tmp_path / "a.tif", most - levels, nbits=bits), bands=bands)
    assert np.array_equal(found[..., 0], np.rint(levels[0] * (255 / most)).astype(np.uint8))


def test_no_data_is_by_what_is_stored(tmp_path: Path) -> None:
    stored = (255 - GREY).copy()
    stored[0, :20], stored[0, 20:40] = 0, 255
    uri = write_white(tmp_path / "a.tif", stored, nodata=0)
    found, valid = read_whole(uri)
    with rasterio.open(uri) as source:
        assert np.array_equal(valid, source.dataset_mask() > 0)
    assert (found[20:40] == 0).all()


def test_overviews_and_other_ground_sizes_are_the_same_picture(tmp_path: Path) -> None:
    large = SMOOTH.repeat(8, axis=1).repeat(8, axis=2)
    black = write(tmp_path / "black.tif", large, overviews=[2, 4])
    white = write_white(tmp_path / "white.tif", 255 - large, overviews=[2, 4])
    for reading in (Reading(gsd_m=8.0), Reading(gsd_m=5.0)):
        views = [raster.view_of(scene_of(uri), reading) for uri in (black, white)]
        (one, _), (other, _) = (raster.read_view(view, extent(view), reading) for view in views)
        assert np.abs(one.astype(int) - other).max() <= 1  # GDAL rounds a mean up in both
    small = [raster.read_small(raster.view_of(scene_of(uri)), 64)[0] for uri in (black, white)]
    assert correlation(*small) > 0.999


def test_each_file_of_a_scene_says_for_itself(tmp_path: Path) -> None:
    planes = np.stack([GREY[0], GREY[0].T.reshape(GREY[0].shape), np.flipud(GREY[0])])
    uris = [
        write_white(tmp_path / "r.tif", 255 - planes[:1]),
        write(tmp_path / "g.tif", planes[1:2]),
        write_white(tmp_path / "b.tif", (65535 - planes[2:].astype(np.uint16) * 257)),
    ]
    red, green, blue = (Band(uri, 1) for uri in uris)
    view = raster.view_of(Scene("north", uris[0], (red, green, blue)))
    found, _ = raster.read_view(view, extent(view))
    assert np.array_equal(found[..., :2], np.moveaxis(planes[:2], 0, -1))
    assert correlation(found[..., 2], planes[2]) > 0.99


def test_one_bit_in_files_of_a_scene(tmp_path: Path) -> None:
    bits = (GREY > 100).astype(np.uint8)
    uri = write_white(tmp_path / "a.tif", 1 - bits, nbits=1)
    view = raster.view_of(Scene("north", uri, (Band(uri, 1), Band(uri, 1), Band(uri, 1))))
    assert np.array_equal(raster.read_view(view, extent(view))[0][..., 0], bits[0] * 255)


# GDAL writes a colour table of 65536 entries into the mosaic of 16 bits.
@pytest.mark.parametrize("kind", ["uint8", pytest.param("uint16", marks=pytest.mark.slow), "float32"])
def test_a_mosaic_is_as_its_files_are(tmp_path: Path, kind: str) -> None:
    uri = write_white(tmp_path / "a.tif", STORED[kind][0])
    rasterio.shutil.copy(uri, tmp_path / "a.vrt", driver="VRT")
    found, _ = read_whole(str(tmp_path / "a.vrt"))
    assert correlation(found[..., 0], GREY) > 0.99


def test_what_shows_colours_is_no_such_picture(tmp_path: Path) -> None:
    colours = np.concatenate([GREY, np.flip(GREY, 1), np.flip(GREY, 2)])
    assert np.array_equal(
        read_whole(write(tmp_path / "a.tif", colours, photometric="RGB"))[0], np.moveaxis(colours, 0, -1)
    )
