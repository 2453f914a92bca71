"""Where arrays of Zarr lie: by their own coordinates, as xarray and rioxarray have it, also of a part of an array."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rioxarray
import zarr

from pipeline import raster
from pipeline.geometry.view import View
from pipeline.sources.naming import scene_of
from tests.pipeline.rasters import assert_refused, extent, write

pytestmark = pytest.mark.filterwarnings(
    "ignore:Use `@` matmul:PendingDeprecationWarning"
)  # of rioxarray itself
SIDE = 60
GRID = rasterio.Affine(0.5, 0, 500_000, 0, -0.5, 5_300_000)


def whole(folder: Path, **coordinates: np.ndarray) -> Any:  # noqa: ANN401 - xarray's
    """A georeferenced array as rioxarray reads a GeoTIFF, with the file's transform in its grid mapping."""
    pixels = np.random.default_rng(0).integers(0, 255, (3, SIDE, SIDE)).astype(np.uint8)
    uri = write(folder / "whole.tif", pixels, photometric="RGB", transform=GRID)
    found: Any = rioxarray.open_rasterio(uri)  # an array, of a plain GeoTIFF
    found = found.rename("img")
    return found.assign_coords(coordinates) if coordinates else found


def stored(data: Any, folder: Path, format_: int = 3) -> tuple[View, tuple[float, ...]]:  # noqa: ANN401
    """Write it by xarray; return how we read it, and the transform that rioxarray makes of the coordinates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # xarray warns of consolidated metadata in v3
        data.to_dataset(name="img").to_zarr(folder / "a.zarr", zarr_format=format_, consolidated=False)
    view = raster.view_of(scene_of(f"{folder}/a.zarr/img"))
    return view, tuple(data.rio.transform(recalc=True))[:6]


PARTS = {
    "whole": {},
    "subset": {"x": slice(20, 50), "y": slice(7, 40)},
    "one row": {"y": slice(33, 34)},
    "one column": {"x": slice(12, 13)},
    "one pixel": {"x": slice(59, 60), "y": slice(59, 60)},
    "thinned": {"x": slice(0, None, 3), "y": slice(0, None, 3)},
    "upside down": {"y": slice(None, None, -1)},
    "thinned row": {"x": slice(0, None, 2), "y": slice(30, 31)},
}


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("format_", [2, 3])
def test_a_part_lies_where_its_coordinates_say(tmp_path: Path, name: str, format_: int) -> None:
    data = whole(tmp_path).isel(PARTS[name])
    view, by_rioxarray = stored(data, tmp_path, format_)
    a, _, c, _, e, f = view.header.transform
    x, y = data.x.values, data.y.values
    centres = c + a * (np.arange(len(x)) + 0.5), f + e * (np.arange(len(y)) + 0.5)
    assert np.allclose(centres[0], x, atol=1e-6)
    assert np.allclose(centres[1], y, atol=1e-6)
    if min(len(x), len(y)) > 1:
        assert view.header.transform == pytest.approx(by_rioxarray)
    if "thinned" not in name and name != "upside down":
        assert (a, e) == (0.5, -0.5)


@pytest.mark.parametrize("step", [1, 2])
def test_a_lone_row_without_a_transform_has_square_pixels(tmp_path: Path, step: int) -> None:
    data = whole(tmp_path).isel(y=slice(7, 8), x=slice(0, None, step))
    del data.spatial_ref.attrs["GeoTransform"]
    view, _ = stored(data, tmp_path)
    high = 0.5 * step
    assert view.header.transform == (high, 0, 500_000.25 - high / 2, 0, -high, 5_299_996.25 + high / 2)
    assert any("one value" in text for text in view.warnings)


def test_a_mean_of_pixels_lies_where_its_coordinates_say(tmp_path: Path) -> None:
    data = whole(tmp_path).coarsen(x=2, y=2).mean().astype("uint8")
    view, by_rioxarray = stored(data, tmp_path)
    assert view.header.transform == pytest.approx(by_rioxarray)
    assert view.header.transform == (1, 0, 500_000, 0, -1, 5_300_000)
    assert any("not on the grid of the transform" in text for text in view.warnings)


@pytest.mark.parametrize("part", [slice(0, SIDE), slice(20, 50)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("with_transform", [True, False])
def test_coordinates_in_single_precision(
    tmp_path: Path, part: slice, dtype: str, *, with_transform: bool
) -> None:
    """At 180 degrees, pixels of 1e-4: rounded to 15 % of one."""
    step, left, top = 1e-4, 179.0, -45.0
    x, y = left + step * (np.arange(SIDE) + 0.5), top - step * (np.arange(SIDE) + 0.5)
    data = whole(tmp_path, x=x.astype(dtype), y=y.astype(dtype)).drop_vars("spatial_ref").rio.write_crs(4326)
    if with_transform:
        data = data.rio.write_transform(rasterio.Affine(step, 0, left, 0, -step, top))
    view, _ = stored(data.isel(x=part, y=part), tmp_path)
    a, _, c, _, e, f = view.header.transform
    near = 1e-6 if with_transform or dtype == "float64" else 0.1
    assert (c - left - step * part.start) / step == pytest.approx(0, abs=near)
    assert (f - top + step * part.start) / step == pytest.approx(0, abs=near)
    assert (a, e) == pytest.approx((step, -step), rel=near / 20)


def test_coordinates_too_coarse_for_their_pixels_are_refused(tmp_path: Path) -> None:
    """Northings of 5.3 million in single precision are whole half metres."""
    data = whole(tmp_path)
    y = (5_300_000 - 0.25 * (np.arange(SIDE) + 0.5)).astype("float32")
    data = data.assign_coords(y=y).drop_vars("spatial_ref").rio.write_crs(32633)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data.to_dataset(name="img").to_zarr(tmp_path / "a.zarr", consolidated=False)
    assert_refused(f"{tmp_path}/a.zarr/img", "too coarse for pixels of|not evenly spaced")


@pytest.mark.parametrize("with_transform", [True, False])
def test_coordinates_that_jump_are_refused_whatever_is_stated(
    tmp_path: Path, *, with_transform: bool
) -> None:
    data = whole(tmp_path)
    x = data.x.values.copy()
    x[SIDE // 2 :] += 25
    data = data.assign_coords(x=x)
    if not with_transform:
        del data.spatial_ref.attrs["GeoTransform"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data.to_dataset(name="img").to_zarr(tmp_path / "a.zarr", consolidated=False)
    assert_refused(f"{tmp_path}/a.zarr/img", "not evenly spaced")


def hierarchy(
    path: Path, attributes: dict[str, Any], axes: dict[str, tuple[np.ndarray, dict[str, Any]]]
) -> str:
    """Write an array and coordinates as no library of ours would."""
    root = zarr.create_group(str(path))
    shape = tuple(len(axes[name][0]) for name in "yx")
    root.create_array("a", shape=shape, dtype="u1", dimension_names=["y", "x"], attributes=attributes)
    for name, (values, said) in axes.items():
        root.create_array(
            name, shape=values.shape, dtype=values.dtype, dimension_names=[name], attributes=said
        )[:] = values
    return f"{path}/a"


def test_a_transform_of_geozarr_gives_way_too(tmp_path: Path) -> None:
    centres = {"y": 5_300_000 - 0.5 * (np.arange(SIDE) + 10.5), "x": 500_000 + 0.5 * (np.arange(SIDE) + 20.5)}
    attributes = {"spatial:transform": list(GRID)[:6], "proj:code": "EPSG:32633"}
    uri = hierarchy(tmp_path / "a.zarr", attributes, {name: (each, {}) for name, each in centres.items()})
    header = raster.view_of(scene_of(uri)).header
    assert header.transform == (0.5, 0, 500_010, 0, -0.5, 5_299_995)


def test_numbers_of_pixels_are_no_places(tmp_path: Path) -> None:
    attributes = {"spatial:transform": list(GRID)[:6], "proj:code": "EPSG:32633"}
    numbers: dict[str, Any] = {name: (np.arange(SIDE), {}) for name in "yx"}
    assert (
        raster.view_of(scene_of(hierarchy(tmp_path / "a.zarr", attributes, numbers))).header.transform
        == tuple(GRID)[:6]
    )


def test_packed_coordinates_are_unpacked(tmp_path: Path) -> None:
    import xarray as xr  # noqa: PLC0415 - of this one test

    said = {"scale_factor": 0.01, "add_offset": 7.0}
    axes = {"y": (-np.arange(SIDE, dtype="i2"), said), "x": (np.arange(SIDE, dtype="i2"), said)}
    uri = hierarchy(
        tmp_path / "a.zarr", {"spatial:transform": [0.01, 0, 0, 0, -0.01, 0], "proj:code": "EPSG:4326"}, axes
    )
    a, _, c, _, e, f = raster.view_of(scene_of(uri)).header.transform
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = xr.open_zarr(f"{tmp_path}/a.zarr", consolidated=False)
    assert c + a / 2 == pytest.approx(float(data.x[0]))
    assert f + e / 2 == pytest.approx(float(data.y[0]))


def test_values_of_64_bits_are_without_data_exactly(tmp_path: Path) -> None:
    pixels = np.array([[0, 2**53, 2**53 + 1, 2**63 - 1]], np.int64)
    array = zarr.create_array(
        str(tmp_path / "a.zarr"), shape=pixels.shape, dtype="i8", attributes={"nodata": 2**53 + 1}
    )
    array[...] = pixels
    view = raster.view_of(scene_of(f"{tmp_path}/a.zarr"))
    _, valid = raster.read_view(view, extent(view))
    assert valid.tolist() == [[True, True, False, True]]
