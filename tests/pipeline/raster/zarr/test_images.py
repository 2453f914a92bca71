"""Zarr and OME-Zarr images as scenes: the same pixels, laws and refusals as of any other raster."""

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import raster, store
from pipeline.config import PLAIN, Reading
from pipeline.errors import ConfigError, ResumeError
from pipeline.flow import scene_inputs
from pipeline.geometry.areas import ground_size_m
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window
from pipeline.output import Output, ledger
from pipeline.raster.zarr import frames
from pipeline.sources import list_scenes
from pipeline.sources.naming import scene_of
from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.pipeline.outputs import scene_at
from tests.pipeline.raster.zarr.zarr_images import levels, ome, plain
from tests.pipeline.rasters import UTM, assert_unreadable, extent, read_whole, write

SIDE = (150, 210)


def noise(bands: int = 3, dtype: str = "uint8", high: int = 256) -> np.ndarray:
    return np.random.default_rng(1).integers(0, high, (bands, *SIDE)).astype(dtype)


def image(pixels: np.ndarray) -> np.ndarray:
    return np.moveaxis(pixels, 0, -1)


# --------------------------------------------------------------------------------------------------- what is read


@pytest.mark.parametrize("axes", ["cyx", "yxc", "xyc", "tczyx", "zcxy", "ycx"])
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_axes_of_any_order_give_the_same_pixels(tmp_path: Path, axes: str, version: str) -> None:
    pixels = noise()
    found, valid = read_whole(ome(tmp_path / "a.zarr", pixels, axes=axes, version=version))
    assert np.array_equal(found, image(pixels))
    assert valid.all()


@pytest.mark.parametrize("dtype", ["uint16", ">u2", "int16", "float32", ">f8", "uint32"])
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_any_dtype_becomes_the_8_bits_that_a_geotiff_gives(tmp_path: Path, dtype: str, version: str) -> None:
    pixels = noise(3, dtype, high=3000)
    native = pixels.astype(pixels.dtype.newbyteorder("="))
    expected = read_whole(write(tmp_path / "a.tif", native))
    found = read_whole(ome(tmp_path / "a.zarr", native if version == "0.5" else pixels, version=version))
    assert np.array_equal(found[0], expected[0])
    assert np.array_equal(found[1], expected[1])
    asked = {"bands": (2,), "value_range": (100.0, 900.0), "nodata": 7.0}
    uris = (str(tmp_path / "a.zarr"), str(tmp_path / "a.tif"))
    (a, va), (b, vb) = (read_whole(uri, **asked) for uri in uris)
    assert np.array_equal(a, b)
    assert np.array_equal(va, vb)
    assert not va.all()


def test_truth_values_fill_8_bits(tmp_path: Path) -> None:
    pixels = noise(1, "uint8", high=2).astype(bool)
    found, _ = read_whole(ome(tmp_path / "a.zarr", pixels, axes="yx"))
    assert np.array_equal(found[..., 0], np.where(pixels[0], 255, 0))


@pytest.mark.parametrize("format_", [2, 3])
@pytest.mark.parametrize("names", [["band", "latitude", "longitude"], ["c", "y", "x"]])
def test_plain_arrays_have_axes_by_name(tmp_path: Path, format_: int, names: list[str]) -> None:
    pixels = noise()
    stated = {"attributes": {"_ARRAY_DIMENSIONS": names}, "zarr_format": 2} if format_ == 2 else {}
    uri = plain(tmp_path / "a.zarr", pixels, None if stated else names, **stated)
    assert np.array_equal(read_whole(uri)[0], image(pixels))
    shutil.rmtree(uri)
    stated = {"zarr_format": 2} if format_ == 2 else {}
    grey = plain(tmp_path / "a.zarr", pixels[0], None, **stated)
    assert np.array_equal(read_whole(grey)[0][..., 1], pixels[0])


def test_channels_are_taken_by_their_colour_or_label(tmp_path: Path) -> None:
    pixels = noise(4)
    shown = [{"color": each, "label": "x"} for each in ("0000ff", "FFFFFF", "FF0000", "00FF00")]
    found, _ = read_whole(ome(tmp_path / "a.zarr", pixels, channels=shown))
    assert np.array_equal(found, image(pixels[[2, 3, 0]]))
    named = [{"label": each} for each in ("B02", "B03", "B04", "B08")]
    found, _ = read_whole(ome(tmp_path / "b.zarr", pixels, channels=named))
    assert np.array_equal(found, image(pixels[[2, 1, 0]]))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sharded=st.booleans(), chunk=st.sampled_from([32, 50, 64]), side=st.sampled_from([37, 64, 128]))
def test_windows_are_the_whole(tmp_path: Path, sharded: bool, chunk: int, side: int) -> None:  # noqa: FBT001 - drawn
    path = tmp_path / "a.zarr"
    shutil.rmtree(path, ignore_errors=True)
    shards = (3, 2 * chunk, 2 * chunk) if sharded else None
    uri = plain(path, noise(3, "uint16", 5000), ["c", "y", "x"], chunks=(3, chunk, chunk), shards=shards)
    view = raster.view_of(scene_of(uri))
    whole = raster.read_view(view, extent(view))
    for window in plan_windows(*SIDE, window_px=side):
        for part, all_ in zip(raster.read_view(view, window), whole, strict=True):
            assert np.array_equal(part, all_[window.slices_in(extent(view))])


def test_a_window_reaches_outside(tmp_path: Path) -> None:
    view = raster.view_of(scene_of(ome(tmp_path / "a.zarr", noise())))
    pixels, valid = raster.read_view(view, Window(-10, 200, 30, 30))
    assert valid.sum() == 20 * 10
    assert np.array_equal(pixels[10:, :10], image(noise())[:20, 200:])


# ---------------------------------------------------------------------------------------------- levels and sizes


@pytest.mark.parametrize(("unit", "metres"), [("micrometer", 1e-6), ("meter", 1.0)])
def test_the_scale_gives_the_ground_size_and_levels_the_nearest(
    tmp_path: Path, unit: str, metres: float
) -> None:
    pixels = noise()
    uri = ome(tmp_path / "a.zarr", pixels, count=3, unit=unit, side=0.5)
    view = raster.view_of(scene_of(uri))
    assert ground_size_m(view.header) == pytest.approx(0.5 * metres)
    reading = Reading(gsd_m=1.0 * metres)
    coarse = raster.view_of(scene_of(uri), reading)
    assert coarse.base is not None
    assert (coarse.base.overview, coarse.base.step_rows) == (0, 1.0)
    found, _ = raster.read_view(coarse, extent(coarse), reading)
    assert np.array_equal(found, image(levels(pixels, 2)[1]))
    assert ground_size_m(coarse.header) == pytest.approx(metres)


def test_without_a_unit_there_is_no_ground_size(tmp_path: Path) -> None:
    assert_unreadable(ome(tmp_path / "a.zarr", noise()), "leave gsd out", gsd_m=1.0)


def test_a_large_image_is_measured_on_a_level_of_its_own(tmp_path: Path) -> None:
    """The level is made to differ, so that the range tells where it comes from."""
    path = tmp_path / "a.zarr"
    ome(path, np.zeros((1, 2200, 2200), np.uint16), axes="yx", count=2, chunks=(512, 512))
    slope = np.arange(1100, dtype=np.uint16)[:, None]
    zarr.open_array(str(path / "1"))[...] = np.repeat(slope, 1100, axis=1)
    (limits,) = raster.view_of(scene_of(str(path))).ranges
    assert limits == pytest.approx((22, 1077), abs=2)


def test_a_small_picture_is_of_a_level(tmp_path: Path) -> None:
    uri = ome(tmp_path / "a.zarr", noise(), count=3)
    pixels, valid = raster.read_small(raster.view_of(scene_of(uri)), 64)
    assert pixels.shape[1] == 64
    assert valid.any()


# ------------------------------------------------------------------------------------------------ place, validity


def test_a_mask_store_is_read_with_its_place_and_no_data(tmp_path: Path) -> None:
    with_crs = read_header(tmp_path)
    header = Header(
        height=100, width=90, bands=1, dtype="uint8", crs_wkt=with_crs, transform=(2.0, 0.1, 5e5, 0.1, -2.0, 5e6),
        nodata=None,
    )  # fmt: skip
    uri = str(tmp_path / "scenes/scene/masks.zarr")
    store.lay_out(scene_at(uri), header=header, classes=["a", "b"], chunk_px=64)
    mask = np.full((100, 90), 1, np.uint8)
    mask[:30] = 255
    labels = {"class": mask, "score": mask, "margin": mask}
    store.write(scene_at(uri), labels, window=Window(0, 0, 100, 90))
    for name in (uri, f"{uri}/0/class"):
        view = raster.view_of(scene_of(name))
        assert view.header.transform == header.transform
        assert view.header.crs_wkt == with_crs
        assert view.header.nodata == 255
        _, valid = raster.read_view(view, extent(view))
        assert np.array_equal(valid, mask != 255)


def read_header(tmp_path: Path) -> str:
    header = raster.read_header(write(tmp_path / "a.tif", noise()))
    assert header.crs_wkt is not None
    return header.crs_wkt


@pytest.mark.parametrize("format_", [2, 3])
def test_what_rioxarray_writes_is_read_with_its_place(tmp_path: Path, format_: int) -> None:
    import rioxarray  # noqa: PLC0415, F401 - an independent writer, which registers itself
    import xarray as xr  # noqa: PLC0415 - the same

    pixels = noise(2, "float32", 900)
    pixels[:, :20] = np.nan
    pixels[:, 20:30] = -1
    crs = read_header(tmp_path)
    a, _, c, _, e, f = UTM
    data = xr.DataArray(
        pixels,
        dims=("band", "y", "x"),
        coords={"y": f + e * (np.arange(SIDE[0]) + 0.5), "x": c + a * (np.arange(SIDE[1]) + 0.5)},
        name="radiance",
    )
    data = data.rio.write_crs(crs).rio.write_nodata(-1.0, encoded=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # xarray warns of consolidated metadata in v3
        data.to_zarr(tmp_path / "a.zarr", zarr_format=format_)
    uri = f"{tmp_path}/a.zarr/radiance"
    view = raster.view_of(scene_of(uri))
    assert view.header.transform == pytest.approx(UTM)
    assert view.header.crs_wkt is not None
    assert 'ID["EPSG",32633]' in view.header.crs_wkt or '"EPSG","32633"' in view.header.crs_wkt
    assert view.header.nodata == -1
    _, valid = raster.read_view(view, extent(view))
    assert not valid[:30].any()
    assert valid[30:].all()
    assert_unreadable(f"{tmp_path}/a.zarr", "no OME-Zarr image: name one of what it holds.*radiance")


def test_coordinates_that_are_not_even_are_refused(tmp_path: Path) -> None:
    root = zarr.create_group(str(tmp_path / "a.zarr"))
    attributes: dict[str, Any] = {"grid_mapping": "crs"}
    root.create_array("a", shape=SIDE, dtype="u1", dimension_names=["y", "x"], attributes=attributes)
    root.create_array("crs", shape=(), dtype="i8", attributes={"crs_wkt": read_header(tmp_path)})
    for name, length in zip("yx", SIDE, strict=True):
        root.create_array(name, shape=(length,), dtype="f8")[:] = np.arange(length) ** 1.1
    assert_unreadable(f"{tmp_path}/a.zarr/a", "not evenly spaced")


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_missing_chunk_is_the_fill_value_and_data(tmp_path: Path, version: str) -> None:
    pixels = noise()
    path = Path(ome(tmp_path / "a.zarr", pixels, version=version, fill_value=9))
    for chunk in ("0.0.0", "1.0.0") if version == "0.4" else ("c/0/0/0", "c/1/0/0"):
        (path / "0" / chunk).unlink()
    found, valid = read_whole(str(path))
    expected = image(pixels).copy()
    expected[:64, :64] = 9
    assert np.array_equal(found, expected)
    assert valid.all()


# ------------------------------------------------------------------------------------------------- what is refused


def first_chunk(path: Path) -> Path:
    return next(each for each in sorted(path.rglob("*")) if each.is_file() and each.name[0].isdigit())


COMPRESSORS = {
    2: ["blosc", "zstd", "gzip", "zlib", "lz4", None],
    3: ["blosc", "zstd", "gzip", None],
}


@pytest.mark.parametrize(("format_", "name"), [(f, n) for f, names in COMPRESSORS.items() for n in names])
def test_a_damaged_chunk_is_an_error_whatever_compressed_it(
    tmp_path: Path, format_: int, name: str | None
) -> None:
    import numcodecs  # noqa: PLC0415 - the writer

    path, pixels = tmp_path / "a.zarr", noise()[0]
    codec: dict[str, Any] = {"id": name} if format_ == 2 else {"name": name, "configuration": {}}
    if format_ == 3 and name == "gzip":
        codec["configuration"] = {"level": 5}
    compressor = None if name is None else (numcodecs.get_codec(codec) if format_ == 2 else codec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain(path, pixels, None, chunks=(64, 64), compressors=compressor, zarr_format=format_)
    assert np.array_equal(read_whole(str(path))[0][..., 0], pixels)
    chunk = first_chunk(path)
    whole = chunk.read_bytes()
    for length in (0, 1, 10, 20, len(whole) // 2, len(whole) - 1):
        chunk.write_bytes(whole[:length])
        assert_unreadable(str(path), "cannot read")
    chunk.write_bytes(whole + b"\0" * 2**20)
    assert_unreadable(str(path), "cannot read.*max_block_bytes|cannot read", max_block_bytes=64 * 64)


@pytest.mark.parametrize("name", ["blosc", "zstd"])
def test_a_chunk_that_grows_beyond_its_size_is_never_decoded(tmp_path: Path, name: str) -> None:
    import numcodecs  # noqa: PLC0415 - the writer

    path = tmp_path / "a.zarr"
    codec = numcodecs.get_codec({"id": name})
    plain(path, noise()[0], None, chunks=(64, 64), compressors=codec, zarr_format=2)
    bomb = codec.encode(np.zeros(2**27, np.uint8))
    first_chunk(path).write_bytes(bomb)
    assert_unreadable(str(path), "134217728 bytes or more when decoded, expected 4096")


class Planted:
    """Runs when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path(self.path),)  # type: ignore[return-value]  # of a path


def test_a_codec_that_runs_what_it_decodes_is_refused_and_nothing_runs(tmp_path: Path) -> None:
    import pickle  # noqa: PLC0415 - what an attacker writes

    path, seen = tmp_path / "a.zarr", tmp_path / "seen"
    plain(path, noise()[0], None, chunks=SIDE, compressors=None, zarr_format=2)
    (path / "0.0").write_bytes(pickle.dumps(Planted(str(seen))))
    document = json.loads((path / ".zarray").read_text())
    for key, value in (("filters", [{"id": "pickle"}]), ("compressor", {"id": "pickle"})):
        (path / ".zarray").write_text(json.dumps(document | {key: value}))
        assert_unreadable(str(path), "pickle, which (is|are) not read")
    assert not seen.exists()


@pytest.mark.parametrize("target", ["../secret", "/etc", "a/../../secret", "s3://bucket/a", "."])
def test_an_image_names_nothing_outside_itself(tmp_path: Path, target: str) -> None:
    plain(tmp_path / "secret", noise()[0], None)
    path = Path(ome(tmp_path / "a.zarr", noise()))
    document = json.loads((path / "zarr.json").read_text())
    document["attributes"]["ome"]["multiscales"][0]["datasets"][0]["path"] = target
    (path / "zarr.json").write_text(json.dumps(document))
    assert_unreadable(str(path), "which is not below it|does not exist|holds no zarr")


@pytest.mark.parametrize(
    ("axes", "shape", "message"),
    [
        ("tyx", (2, 40, 40), "2 planes along t"),
        ("zyx", (3, 40, 40), "3 planes along z"),
        ("cyz", (3, 40, 40), "expected y and x"),
    ],
)
def test_planes_that_are_no_bands_are_refused_by_name(
    tmp_path: Path, axes: str, shape: tuple[int, ...], message: str
) -> None:
    assert_unreadable(plain(tmp_path / "a.zarr", np.zeros(shape, np.uint8), list(axes)), message)


def test_what_is_no_image_is_refused_by_its_fault(tmp_path: Path) -> None:
    assert_unreadable(plain(tmp_path / "a.zarr", noise(), None), "3 axes without names")
    assert_unreadable(str(tmp_path / "none.zarr"), "does not exist")
    (tmp_path / "empty.zarr").mkdir()
    assert_unreadable(str(tmp_path / "empty.zarr"), "holds no zarr")
    (tmp_path / "text.zarr").mkdir()
    (tmp_path / "text.zarr" / "zarr.json").write_text("{")
    assert_unreadable(str(tmp_path / "text.zarr"), "is no JSON")
    (tmp_path / "text.zarr" / "zarr.json").write_text("[" * 100_000)
    assert_unreadable(str(tmp_path / "text.zarr"), "is no JSON")
    plate = zarr.create_group(str(tmp_path / "plate.zarr"), attributes={"ome": {"plate": {}}})
    plate.create_group("A")
    assert_unreadable(str(tmp_path / "plate.zarr"), "a plate of many images")
    assert_unreadable(plain(tmp_path / "c.zarr", noise().astype("complex64")[0], None), "complex64")
    assert_unreadable("https://127.0.0.1:9/a.zarr", "name it by s3://")
    assert_unreadable(str(tmp_path / "a.zarr"), "none of the drivers allowed", drivers=("GTiff",))
    broken = Path(ome(tmp_path / "d.zarr", noise()))
    document = json.loads((broken / "zarr.json").read_text())
    del document["attributes"]["ome"]["multiscales"][0]["axes"]
    (broken / "zarr.json").write_text(json.dumps(document))
    assert_unreadable(str(broken), "metadata is damaged.*axes")


def test_limits_hold(tmp_path: Path) -> None:
    uri = plain(tmp_path / "a.zarr", noise(), ["c", "y", "x"], chunks=(3, 100, 100))
    assert_unreadable(uri, "max_pixels", max_pixels=1000)
    assert_unreadable(uri, "max_bands", max_bands=2)
    assert_unreadable(uri, "30,000 bytes in a block.*max_block_bytes", max_block_bytes=29_999)
    zarr.create_array(str(tmp_path / "b.zarr"), shape=(100_000, 100_000), chunks=(4096, 4096), dtype="u1")
    assert_unreadable(str(tmp_path / "b.zarr"), "max_expansion")
    zarr.create_array(str(tmp_path / "c.zarr"), shape=(100_000, 100_000), chunks=(2, 2), dtype="u1")
    assert_unreadable(str(tmp_path / "c.zarr"), "chunks of 2 x 2")
    zarr.create_array(
        str(tmp_path / "d.zarr"), shape=(40, 40), chunks=(1, 1), shards=(40_000, 40_000), dtype="u1"
    )
    assert_unreadable(str(tmp_path / "d.zarr"), "max_block_bytes")


def test_every_frame_is_of_its_size_and_no_other(tmp_path: Path) -> None:
    import numcodecs  # noqa: PLC0415 - the writer
    import pyarrow as pa  # noqa: PLC0415 - a writer of streams

    del tmp_path
    data = noise().tobytes()
    for name in frames.NAMES:
        frame = bytes(numcodecs.get_codec({"id": name}).encode(data))
        assert frames.decoded(name, frame, size_bytes=len(data)) == data
        for size_bytes in (len(data) - 1, len(data) + 1):
            with pytest.raises(ValueError, match=r"expected|ends early"):
                frames.decoded(name, frame, size_bytes=size_bytes)
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    frame = sink.getvalue().to_pybytes()
    assert frames.decoded("zstd", frame, size_bytes=len(data)) == data
    for size_bytes in (len(data) - 1, len(data) + 1):
        with pytest.raises(RuntimeError):
            frames.decoded("zstd", frame, size_bytes=size_bytes)


# -------------------------------------------------------------------------------------------------- lists, inputs


@pytest.fixture(params=["local", "s3"])
def root(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue({"local": "tmp_path", "s3": "s3"}[request.param]))


def put(root: str, folder: Path, name: str) -> str:
    """Copy a hierarchy to where the test wants it."""
    uri = objects.join(root, name)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            objects.put_bytes(Location(objects.join(uri, str(path.relative_to(folder)))), path.read_bytes())
    return uri


def test_an_image_is_one_scene_of_a_folder_and_read_from_there(
    root: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pixels = noise()
    made = Path(ome(tmp_path_factory.mktemp("made") / "a.zarr", pixels, version="0.4", count=2))
    uri = put(root, made, "below/A.ome.zarr")
    objects.put_bytes(Location(objects.join(root, "below", "A.ome.zarr", "stray.tif")), b"")
    objects.put_bytes(Location(objects.join(root, "b.tif")), b"")
    found = [scene.uri.removeprefix(f"{root}/") for scene in list_scenes([root])]
    assert found == ["b.tif", "below/A.ome.zarr"]
    for spec in (uri, f"{uri}/", objects.join(root, "*", "*.zarr"), objects.join(root, "**", "*.zarr")):
        assert [scene.scene_id for scene in list_scenes([spec])] == [scene_of(uri).scene_id]
    with pytest.raises(ConfigError, match="no scene"):
        list(list_scenes([objects.join(root, "*.zarr")]))
    assert np.array_equal(read_whole(uri)[0], image(pixels))
    (chunk,) = [each for each in made.rglob("*") if each.name == "0.0.0" and each.parent.name == "0"]
    objects.put_bytes(Location(objects.join(uri, "0", "0.0.0")), chunk.read_bytes()[:-5])
    assert_unreadable(uri, "ends early")


def test_a_changed_chunk_or_document_is_another_input_and_labels_are_not(
    root: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = Path(ome(tmp_path_factory.mktemp("made") / "a.zarr", noise()))
    uri = put(root, made, "a.zarr")
    scene, output = scene_of(uri), objects.join(root, "out")
    scene_inputs.pin_view(Output(output), scene, PLAIN)
    ledger.commit(Output(output).scene(scene.scene_id), window=Window(0, 0, 1, 1), digests={}, statistics=[])
    objects.put_bytes(Location(objects.join(uri, "labels", "zarr.json")), b"{}")
    scene_inputs.pin_view(Output(output), scene, PLAIN)
    first = raster.read_input(uri)
    assert first.size_bytes == sum(each.stat().st_size for each in (made / "0").rglob("*") if each.is_file())
    objects.put_bytes(Location(objects.join(uri, "0", "c", "0", "0", "0")), b"other")
    assert raster.read_input(uri).etag != first.etag
    with pytest.raises(ResumeError, match="before it changed"):
        scene_inputs.pin_view(Output(output), scene, PLAIN)
