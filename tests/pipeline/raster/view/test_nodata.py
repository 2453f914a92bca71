"""No data values are what GDAL's own masks say, also where a float does not hold them."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint

from jobs.run.settings.keys import build
from pipeline import raster
from pipeline.config import Reading
from pipeline.errors import ConfigError
from pipeline.sources.naming import scene_of
from tests.pipeline.rasters import assert_refused, read_whole, write

BEYOND = 2**53  # the last whole number up to which a float has them all
WHOLE = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "uint64")
STATED = (0, 2.5, -9999, 255, 65535, 2**31 - 1, -(2**31), BEYOND, 0.1)
FLOATS = (*STATED, np.nan, np.inf, -np.inf, np.finfo("f4").min, -3.4e38, 1e-7, 16777217, 1e20)


def values_of(dtype: str) -> np.ndarray:
    """The extremes of a kind of number, and what lies beside what is often without data."""
    near = [0, 1, 2, 3, 254, 255, 300, 65535, -9999, -9998, BEYOND, BEYOND + 1, BEYOND + 2]
    if np.dtype(dtype).kind == "f":
        limits = np.finfo(dtype)
        some = [*near, 0.1, 2.5, np.nan, np.inf, -np.inf, limits.min, limits.max, -3.4e38, 16777216, 16777217]
        return np.array([some], dtype)[None]
    info = np.iinfo(dtype)
    every = [info.min, info.min + 1, info.max - 1, info.max, *near]
    return np.array([[each for each in every if info.min <= each <= info.max]], dtype)[None]


def mask_of_gdal(uri: str) -> np.ndarray:
    """Where GDAL has data, and a number."""
    with rasterio.open(uri) as source:
        found: np.ndarray = (source.dataset_mask() > 0) & ~np.isnan(source.read(1).astype(float))
    return found


@pytest.mark.parametrize("dtype", [*WHOLE, "float32", "float64"])
def test_what_the_file_states_is_what_gdal_masks(tmp_path: Path, dtype: str) -> None:
    pixels = values_of(dtype)
    for place, stated in enumerate(FLOATS if dtype.startswith("float") else STATED):
        try:
            uri = write(tmp_path / f"{place}.tif", pixels, nodata=stated)
        except ValueError:  # rasterio writes none that the band cannot hold
            continue
        assert np.array_equal(read_whole(uri)[1], mask_of_gdal(uri)), (dtype, stated)


VRT = """<VRTDataset rasterXSize="{width}" rasterYSize="1">
<GeoTransform>500000, 2, 0, 5000000, 0, -2</GeoTransform><VRTRasterBand dataType="{kind}" band="1">
<NoDataValue>{stated}</NoDataValue><SimpleSource><SourceFilename relativeToVRT="1">a.tif</SourceFilename>
<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"""


@pytest.mark.parametrize(
    ("dtype", "stated"),
    [
        ("int64", 2**63 - 1),
        ("int64", -(2**63)),
        ("int64", BEYOND + 1),
        ("uint64", 2**64 - 1),
        ("uint64", BEYOND + 1),
    ],
)
def test_64_bits_are_exact(tmp_path: Path, dtype: str, stated: int) -> None:
    """rasterio writes such values rounded, if at all, but a VRT may state them."""
    pixels = values_of(dtype)
    kind = {"int64": "Int64", "uint64": "UInt64"}[dtype]
    write(tmp_path / "a.tif", pixels)
    (tmp_path / "a.vrt").write_text(VRT.format(width=pixels.shape[2], kind=kind, stated=stated))
    uri = str(tmp_path / "a.vrt")
    valid = read_whole(uri)[1]
    assert np.array_equal(valid, mask_of_gdal(uri))
    assert np.array_equal(valid, pixels[0] != stated)
    assert raster.view_of(scene_of(uri)).validity


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_what_the_user_says_is_never_rounded(tmp_path: Path, dtype: str) -> None:
    pixels = values_of(dtype)
    uri = write(tmp_path / "a.tif", pixels)
    for stated in pixels.ravel().tolist():
        for said in (str(stated), stated):  # a flag, a key
            reading = build(Reading, {"nodata": said})
            assert np.array_equal(read_whole(uri, nodata=reading.nodata)[1], pixels[0] != stated), stated
    named = raster.view_of(scene_of(uri), Reading(nodata=2**63 - 1)).validity
    assert named == ("nodata 9223372036854775807 (asked)",)


@pytest.mark.parametrize(("dtype", "stated"), [("uint8", -9999.0), ("uint8", 2.5), ("int64", 2**63)])
def test_a_value_that_no_pixel_can_have_is_told(tmp_path: Path, dtype: str, stated: float) -> None:
    uri = write(tmp_path / "a.tif", values_of(dtype))
    assert read_whole(uri, nodata=stated)[1].all()
    told = " ".join(raster.view_of(scene_of(uri), Reading(nodata=stated)).warnings)
    assert f"is no value of {dtype}, so nothing is without data by it" in told


@pytest.mark.parametrize("stated", ["0 1 2", "0 0 0", "-9999 0 0", "0.5 1 2", "0 1"])
@pytest.mark.parametrize("overviews", [[], [2]])
def test_values_by_band_are_without_data_together(tmp_path: Path, stated: str, overviews: list[int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 3, (3, 64, 64)).astype(np.uint8)
    uri = write(tmp_path / "a.tif", pixels, photometric="RGB")
    with rasterio.open(uri, "r+") as target:
        target.update_tags(NODATA_VALUES=stated)
        if overviews:
            target.build_overviews(overviews)
    assert np.array_equal(read_whole(uri)[1], mask_of_gdal(uri))
    assert read_whole(uri, nodata="none")[1].all()
    named = raster.view_of(scene_of(uri)).validity
    assert named == ((f"nodata {stated} in all bands",) if stated != "0 1" else ())


def test_what_cannot_be_laid_flat_exactly_is_refused(tmp_path: Path) -> None:
    side = 40
    points = [
        GroundControlPoint(row, col, 500_000 + col, 5_000_000 - row) for row in (0, side) for col in (0, side)
    ]
    pixels = np.arange(side * side, dtype=np.int64).reshape(1, side, side)
    uri = write(tmp_path / "a.tif", pixels, transform=None, gcps=points, nodata=7)
    found = read_whole(uri)[1]
    assert (~found).sum() == 1
    assert_refused(uri, r"beyond 2\*\*53 and is warped", nodata=BEYOND + 1)


@pytest.mark.parametrize("said", ["0,1", [0, 1], "one", "true", True])
def test_one_number_is_asked_for(said: object) -> None:
    with pytest.raises(ConfigError, match="nodata must be"):
        build(Reading, {"nodata": said})


def test_numbers_are_read_as_they_were() -> None:
    said = {"-9999": "-9999.0", "nan": "nan", "1e20": "1e+20", "none": "none", "0,0,0": "0.0", "inf": "inf"}
    assert {each: str(build(Reading, {"nodata": each}).nodata) for each in said} == said
