"""What lies beside a scene, or is named in it: of the same name it counts, of another name it is never opened."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.shutil import copy

from pipeline import raster
from pipeline.config import Reading
from pipeline.errors import RasterError
from pipeline.raster.opening import opened
from pipeline.raster.sidecars.names import Sidecars
from pipeline.sources.naming import scene_of
from pipeline.storage import objects
from pipeline.storage.access import FROM_ENVIRONMENT
from pipeline.storage.location import Location
from tests.pipeline.rasters import assert_unreadable, read_whole, write

SIDE = 64
UNPLACED = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
KINDS = ("a.tif", "a.png", "a.jpg", "a.jp2")
DRIVERS = {"tif": "GTiff", "png": "PNG", "jpg": "JPEG", "jp2": "JP2OpenJPEG", "vrt": "VRT"}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A raster that nobody named, half as large as the scenes: it could be their overview."""
    return Path(write(tmp_path / "elsewhere.tif", np.full((1, SIDE // 2, SIDE // 2), 77, np.uint8)))


def scene(folder: Path, name: str = "a.tif") -> Path:
    """A scene of one level in a folder of its own, with nothing beside it."""
    folder.mkdir(exist_ok=True)
    write(folder / "plain.tif", np.full((1, SIDE, SIDE), 5, np.uint8))
    path = folder / name
    copy(folder / "plain.tif", path, driver=DRIVERS[path.suffix[1:]], strict=False)
    for each in folder.iterdir():
        if each != path and each.name != ("plain.tif" if path.suffix == ".vrt" else ""):
            each.unlink()
    return path


def named(path: Path) -> str:
    return f'<PAMDataset><Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">{path}</MDI></Metadata></PAMDataset>'


def tag(path: Path, value: object) -> None:
    with rasterio.open(path, "r+") as target:
        target.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=str(value))


def write_mask(path: Path, mask: np.ndarray) -> None:
    write(path, mask)
    with rasterio.open(path, "r+") as target:
        target.update_tags(INTERNAL_MASK_FLAGS_1=2)


def virtual(path: Path, file: Path) -> Path:
    """A virtual raster of one file, at a path of any ending."""
    path.write_text(
        f'<VRTDataset rasterXSize="{SIDE}" rasterYSize="{SIDE}"><VRTRasterBand dataType="Byte" band="1">'
        f"<SimpleSource><SourceFilename>{file}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    return path


def in_the_tags(folder: Path, secret: Path) -> Path:
    path = scene(folder)
    tag(path, secret)
    return path


def in_the_tags_relative_to_it(folder: Path, secret: Path) -> Path:
    path = scene(folder)
    tag(path, f":::BASE:::../{secret.name}")
    return path


def by_a_url(folder: Path, secret: Path) -> Path:
    path = scene(folder)
    tag(path, f"/vsicurl/http://127.0.0.1:9/{secret.name}")
    return path


def overviews_that_are_virtual(folder: Path, secret: Path) -> Path:
    path = scene(folder)
    virtual(folder / "a.tif.ovr", secret)
    return path


def overviews_in_any_case(folder: Path, secret: Path) -> Path:
    path = scene(folder)
    virtual(folder / "A.TIF.Ovr", secret)
    return path


def overviews_that_are_a_link(folder: Path, secret: Path) -> Path:
    path = scene(folder)
    (folder / "a.tif.ovr").symlink_to(secret)
    return path


def overviews_that_name_others(folder: Path, secret: Path) -> Path:
    path = scene(folder)
    write(folder / "a.tif.ovr", np.full((1, SIDE // 2, SIDE // 2), 6, np.uint8))
    tag(folder / "a.tif.ovr", secret)
    return path


def a_mask_that_is_virtual(folder: Path, secret: Path) -> Path:
    path = scene(folder)
    virtual(folder / "a.tif.msk", secret)
    return path


def a_mask_whose_overviews_are_virtual(folder: Path, secret: Path) -> Path:
    path = scene(folder)
    write(folder / "a.tif.msk", np.full((1, SIDE, SIDE), 255, np.uint8))
    virtual(folder / "a.tif.msk.ovr", secret)
    return path


def a_tile_that_names_others(folder: Path, secret: Path) -> Path:
    path = scene(folder, "a.vrt")
    tag(folder / "plain.tif", secret)
    return path


def a_tile_with_overviews_that_are_virtual(folder: Path, secret: Path) -> Path:
    path = scene(folder, "a.vrt")
    virtual(folder / "plain.tif.ovr", secret)
    return path


def overviews_of_a_mosaic_that_are_virtual(folder: Path, secret: Path) -> Path:
    path = scene(folder, "a.vrt")
    virtual(folder / "a.vrt.ovr", secret)
    return path


def an_imagine_file(folder: Path, secret: Path) -> Path:
    path = scene(folder)
    copy(secret, folder / "other.img", driver="HFA")
    shutil.move(folder / "other.img", folder / "a.aux")
    return path


@pytest.mark.parametrize(
    "made",
    [
        in_the_tags,
        in_the_tags_relative_to_it,
        by_a_url,
        overviews_that_are_virtual,
        overviews_in_any_case,
        overviews_that_are_a_link,
        overviews_that_name_others,
        a_mask_that_is_virtual,
        a_mask_whose_overviews_are_virtual,
        a_tile_that_names_others,
        a_tile_with_overviews_that_are_virtual,
        overviews_of_a_mosaic_that_are_virtual,
        an_imagine_file,
    ],
)
def test_a_file_of_another_name_is_never_opened(
    tmp_path: Path, secret: Path, made: Callable[[Path, Path], Path]
) -> None:
    path = made(tmp_path / "archive", secret)
    os.utime(secret, ns=(1, 1))
    before = secret.stat().st_atime_ns
    assert_unreadable(path, "no file of another name is opened|has beside it", gsd_m=4.0)
    assert_unreadable(path, "no file of another name is opened|has beside it")
    assert secret.stat().st_atime_ns == before


@pytest.mark.parametrize("name", KINDS)
def test_a_sidecar_of_metadata_is_refused_by_its_name_where_it_names_another(
    tmp_path: Path, secret: Path, name: str
) -> None:
    path = scene(tmp_path / "archive", name)
    Path(f"{path}.aux.xml").write_text(named(secret))
    assert_unreadable(path, r"aux\.xml\) names .*elsewhere\.tif.* as its OVERVIEW_FILE")


@UNPLACED
@pytest.mark.parametrize("name", [*KINDS, "a.vrt"])
def test_overviews_and_masks_of_the_same_name_count_as_for_gdal(tmp_path: Path, name: str) -> None:
    path = scene(tmp_path / "archive", name)
    mask = np.full((1, SIDE, SIDE), 255, np.uint8)
    mask[..., :16] = 0
    write_mask(Path(f"{path}.msk"), mask)
    write(Path(f"{path}.ovr"), np.full((1, SIDE // 2, SIDE // 2), 200, np.uint8))
    with rasterio.open(path) as source:
        expected = source.dataset_mask() > 0
        assert source.overviews(1) == [2]
    assert 0 < expected.sum() < expected.size
    np.testing.assert_array_equal(read_whole(str(path))[1], expected)
    with opened(str(path), overview=0) as smaller:
        assert (smaller.read(1) == 200).all()


def test_what_is_looked_for_beside_a_raster_is_what_gdal_says_belongs_to_it(tmp_path: Path) -> None:
    for name, world in (
        ("a.tif", "tfw"),
        ("a.png", "pgw"),
        ("a.jpg", "jgw"),
        ("a.jp2", "j2w"),
        ("b.tif", "wld"),
    ):
        path = scene(tmp_path / f"{name}-{world}", name)
        path.with_suffix(f".{world}").write_text("2\n0\n0\n-2\n500001\n4999999\n")
        path.with_suffix(".RPB").write_text('satId = "QB02";\n')
        Path(f"{path}.aux.xml").write_text("<PAMDataset><SRS>EPSG:32633</SRS></PAMDataset>")
        write(Path(f"{path}.ovr"), np.full((1, SIDE // 2, SIDE // 2), 6, np.uint8))
        write(Path(f"{path}.msk"), np.full((1, SIDE, SIDE), 255, np.uint8), crs=None)
        with rasterio.open(path) as source:
            source.read_masks(1)
            assert source.overviews(1)
            assert {*source.files} - {str(path)} <= {*Sidecars(FROM_ENVIRONMENT).of(str(path))}
            assert len(source.files) >= 4


@pytest.mark.parametrize("limit", [1000, 0])
def test_a_large_folder_is_asked_by_name(tmp_path: Path, limit: int) -> None:
    path = scene(tmp_path / "archive")
    for name in (
        "a.tif.OVR",
        "a.tif.msk",
        "a.TFW",
        "a.wld",
        "a_RPC.TXT",
        "a.tif.aux.xml",
        "b.tif.ovr",
        "a.txt",
    ):
        (tmp_path / "archive" / name).touch()
    found = [Path(each).name for each in Sidecars(FROM_ENVIRONMENT, limit).of(str(path))]
    assert found == ["a.TFW", "a.tif.OVR", "a.tif.aux.xml", "a.tif.msk", "a.wld", "a_RPC.TXT"]


def test_links_within_the_archive_are_followed(tmp_path: Path) -> None:
    path = scene(tmp_path / "archive")
    store = tmp_path / "store"
    store.mkdir()
    write_mask(Path(f"{path}.msk"), np.zeros((1, SIDE, SIDE), np.uint8))
    for file in (path, Path(f"{path}.msk")):
        shutil.move(file, store / file.name)
        file.symlink_to(store / file.name)
    assert not read_whole(str(path))[1].any()


@UNPLACED
def test_places_that_are_in_another_file_are_not_asked_for(tmp_path: Path, secret: Path) -> None:
    pixels = np.full((1, SIDE, SIDE), 5, np.uint8)
    path = Path(write(tmp_path / "a.tif", pixels, crs=None, transform=None))
    with rasterio.open(path, "r+") as target:
        target.update_tags(ns="GEOLOCATION", X_DATASET=str(secret), Y_DATASET=str(secret), X_BAND=1, Y_BAND=1)
    assert (read_whole(str(path))[0] == 5).all()  # as it lies
    rpcs = {"HEIGHT_OFF": 0, "HEIGHT_SCALE": 1, "LAT_OFF": 0, "LAT_SCALE": 1, "LINE_OFF": 0, "LINE_SCALE": 1}
    rpcs |= {"LONG_OFF": 0, "LONG_SCALE": 1, "SAMP_OFF": 0, "SAMP_SCALE": 1}
    ones = " ".join(["1"] * 20)
    polynomials = {f"{axis}_{part}_COEFF": ones for axis in ("LINE", "SAMP") for part in ("NUM", "DEN")}
    with rasterio.open(path, "r+") as target:
        target.update_tags(ns="RPC", **rpcs, **polynomials)
    assert_unreadable(path, "X_DATASET")


def test_a_pipe_is_no_raster_and_nobody_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.tif")
    with pytest.raises(RasterError, match="named pipe: expected a regular file"):
        raster.view_of(scene_of(str(tmp_path / "a.tif")), Reading(read_timeout_s=5))


def test_what_the_user_has_gdal_look_for_on_another_machine_is_looked_at_too(
    s3: str, secret: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = scene(tmp_path / "archive")
    objects.put_bytes(Location(f"{s3}/a.tif"), path.read_bytes())
    objects.put_bytes(Location(f"{s3}/a.tif.ovr"), virtual(tmp_path / "a.vrt", secret).read_bytes())
    assert (read_whole(f"{s3}/a.tif")[0] == 5).all()
    assert raster.dependencies_of(f"{s3}/a.tif", Reading()) == []
    monkeypatch.setenv("GDAL_DISABLE_READDIR_ON_OPEN", "FALSE")
    assert raster.dependencies_of(f"{s3}/a.tif", Reading()) == [f"{s3}/a.tif.ovr"]
    assert_unreadable(f"{s3}/a.tif", r"a\.tif\.ovr, which is no TIFF")
