import hashlib
import json
import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio
import xarray as xr
import zarr
import zarr_cm
from hypothesis import given
from hypothesis import strategies as st
from rio_tiler.io.xarray import XarrayReader

from pipeline import store
from pipeline.errors import StoreError
from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window
from pipeline.output.palette import class_colors
from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.pipeline.outputs import scene_at

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import rioxarray  # noqa: F401 - it gives xarray its `.rio`

CLASSES = ("building", "paved road")
CHUNK_PX = 32
HEIGHT, WIDTH = 70, 90  # chunks cut off on both sides
WINDOWS = [Window(0, 0, 64, 64), Window(0, 64, 64, 26), Window(64, 0, 6, 64), Window(64, 64, 6, 26)]

PLACES: dict[str, tuple[int | None, tuple[float, float, float, float, float, float]]] = {
    "UTM": (32633, (10.0, 0.0, 5e5, 0.0, -10.0, 5e6)),
    "lon-lat": (4326, (1e-4, 0.0, 13.0, 0.0, -1e-4, 52.0)),
    "northing first": (31468, (0.5, 0.0, 4.5e6, 0.0, -0.5, 5.4e6)),
    "rotated": (32633, (8.0, 6.0, 5e5, 6.0, -8.0, 5e6)),
    "no CRS": (None, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)),
}
THIRD_PARTIES = pytest.mark.filterwarnings(
    "ignore:Use `@` matmul:PendingDeprecationWarning", "ignore::rasterio.errors.NotGeoreferencedWarning"
)


def _header(place: str = "UTM") -> Header:
    crs, transform = PLACES[place]
    wkt = None if crs is None else pyproj.CRS.from_epsg(crs).to_wkt()
    return Header(
        height=HEIGHT, width=WIDTH, bands=3, dtype="uint8", crs_wkt=wkt, transform=transform, nodata=None
    )


def _labels(window: Window, *, seed: int = 0) -> dict[str, np.ndarray]:
    whole = np.random.default_rng(seed).choice(np.array([0, 1, 2, 255], np.uint8), (3, HEIGHT, WIDTH))
    rows, cols = window.slices_in(Window(0, 0, HEIGHT, WIDTH))
    return {name: whole[index, rows, cols] for index, name in enumerate(store.ARRAYS)}


def _lay_out(uri: str, header: Header | None = None, **changed: Any) -> None:  # noqa: ANN401 - of several types
    store.lay_out(
        scene_at(uri), **{"header": header or _header(), "classes": CLASSES, "chunk_px": CHUNK_PX, **changed}
    )


def _held(uri: str) -> dict[str, bytes]:
    return {each.uri.removeprefix(uri): objects.get_bytes(each) for each in objects.walk(Location(uri))}


@pytest.fixture(params=["local", "s3"])
def uri(request: pytest.FixtureRequest) -> str:
    root = str(request.getfixturevalue("s3" if request.param == "s3" else "tmp_path"))
    return objects.join(root, "scenes", "scene", "masks.zarr")


def test_doing_it_all_twice_changes_no_byte(uri: str, tmp_path: Path) -> None:
    _lay_out(uri)
    laid_out = _held(uri)
    _lay_out(uri)
    assert _held(uri) == laid_out
    digests = [store.write(scene_at(uri), _labels(window), window=window) for window in WINDOWS]
    written = _held(uri)
    assert laid_out.items() < written.items()
    assert [
        store.write(scene_at(uri), _labels(window), window=window) for window in reversed(WINDOWS)
    ] == digests[::-1]
    _lay_out(uri)
    assert _held(uri) == written
    other = f"{tmp_path}/another/scenes/scene/masks.zarr"
    _lay_out(other)
    for window in reversed(WINDOWS):
        store.write(scene_at(other), _labels(window), window=window)
    assert _held(other) == written


def test_laying_out_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    uri = f"{tmp_path}/scenes/scene/masks.zarr"
    _lay_out(uri)
    whole = _held(uri)
    for key in ("/zarr.json", "/0/x/zarr.json", "/0/score/zarr.json"):
        Path(uri + key).unlink()
    _lay_out(uri)
    assert _held(uri) == whole


def test_any_part_of_what_was_written_is_read_back_with_its_digest(uri: str) -> None:
    _lay_out(uri)
    for window in WINDOWS:
        labels = _labels(window)
        digests = store.write(scene_at(uri), labels, window=window)
        pixels = {name: hashlib.sha256(part.tobytes()).hexdigest() for name, part in labels.items()}
        assert {name: digests[name] for name in store.ARRAYS} == pixels
        assert digests.keys() - pixels.keys() == {f"{name}.chunks" for name in store.ARRAYS}
    for window in (Window(0, 0, HEIGHT, WIDTH), Window(13, 31, 50, 2), Window(69, 89, 1, 1)):
        for name, part in _labels(window).items():
            np.testing.assert_array_equal(store.read(scene_at(uri), name, window), part)


def test_a_chunk_that_is_missing_was_never_computed(tmp_path: Path) -> None:
    uri = f"{tmp_path}/scenes/scene/masks.zarr"
    _lay_out(uri)
    chunks = tmp_path / "scenes/scene/masks.zarr/0"
    assert not [path for name in store.ARRAYS for path in (chunks / name).rglob("c/*/*")]
    nothing = {name: np.full((32, 32), 255, np.uint8) for name in store.ARRAYS}
    store.write(scene_at(uri), nothing, window=Window(0, 32, 32, 32))
    for name in store.ARRAYS:
        present = [path.relative_to(chunks / name).as_posix() for path in (chunks / name).rglob("c/*/*")]
        assert present == ["c/0/1"]
    untouched = Window(32, 0, 38, 90)
    for name in store.ARRAYS:
        assert (store.read(scene_at(uri), name, untouched) == 255).all()


@given(st.integers(0, 79), st.integers(0, 99), st.integers(1, 80), st.integers(1, 100))
def test_only_whole_chunks_are_written(
    tmp_path_factory: pytest.TempPathFactory, row_off: int, col_off: int, height: int, width: int
) -> None:
    uri = str(tmp_path_factory.getbasetemp() / "scenes/whole-chunks/masks.zarr")
    _lay_out(uri)
    window = Window(row_off, col_off, height, width)
    starts_and_ends = {0, 32, 64}, {32, 64, HEIGHT}, {32, 64, WIDTH}
    whole = {row_off, col_off} <= starts_and_ends[0]
    whole = whole and window.row_end in starts_and_ends[1] and window.col_end in starts_and_ends[2]
    labels = {name: np.zeros(window.shape, np.uint8) for name in store.ARRAYS}
    if whole:
        store.write(scene_at(uri), labels, window=window)
    else:
        with pytest.raises(StoreError):
            store.write(scene_at(uri), labels, window=window)


def test_a_refused_window_is_told_the_fault_what_it_would_do_and_the_remedy(tmp_path: Path) -> None:
    uri = f"{tmp_path}/scenes/scene/masks.zarr"
    _lay_out(uri)
    laid_out = _held(uri)
    window = Window(0, 0, 48, 32)
    with pytest.raises(
        StoreError,
        match=r"not made of whole chunks of 32 px .* lose each other's pixels\. Make window_px a mult",
    ):
        store.write(scene_at(uri), _labels(window), window=window)
    wrong = {**_labels(WINDOWS[0]), "margin": np.zeros((64, 63), np.uint8)}
    with pytest.raises(
        StoreError, match=r"array margin .* must be uint8 of \(64, 64\), got uint8 of \(64, 63\)"
    ):
        store.write(scene_at(uri), wrong, window=WINDOWS[0])
    wrong["margin"] = np.zeros((64, 64), np.uint16)
    with pytest.raises(StoreError, match=r"must be uint8 of \(64, 64\), got uint16"):
        store.write(scene_at(uri), wrong, window=WINDOWS[0])
    assert _held(uri) == laid_out


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"header": replace(_header(), height=71)}, "shape"),
        ({"header": _header("rotated")}, "spatial:transform"),
        ({"header": replace(_header(), crs_wkt=pyproj.CRS.from_epsg(32634).to_wkt())}, "proj:code"),
        ({"classes": CLASSES[::-1]}, "flag_meanings"),
        ({"classes": (*CLASSES, "water")}, "flag_values"),
        ({"chunk_px": 64}, "chunk_shape"),
    ],
)
def test_a_store_of_another_run_is_refused_and_left_as_it_is(
    tmp_path: Path, changed: dict[str, Any], named: str
) -> None:
    uri = f"{tmp_path}/scenes/scene/masks.zarr"
    _lay_out(uri)
    laid_out = _held(uri)
    with pytest.raises(StoreError, match=rf"is of another run: .*{named}.* choose another output"):
        _lay_out(uri, **changed)
    assert _held(uri) == laid_out


def test_what_is_not_there_cannot_be_read_or_written(tmp_path: Path) -> None:
    uri = f"{tmp_path}/scenes/scene/masks.zarr"
    for _ in range(2):
        with pytest.raises(StoreError, match="holds no array 0/class: lay the store out first"):
            store.write(scene_at(uri), _labels(WINDOWS[0]), window=WINDOWS[0])
        with pytest.raises(StoreError, match="holds no array 0/class"):
            store.read(scene_at(uri), "class", WINDOWS[0])
    _lay_out(uri)
    with pytest.raises(StoreError, match="is not inside it"):
        store.read(scene_at(uri), "class", Window(0, 0, HEIGHT + 1, WIDTH))
    with pytest.raises(StoreError, match="holds no array 0/proposals"):
        store.read(scene_at(uri), "proposals", WINDOWS[0])


def test_leftovers_of_a_killed_writer_are_swept_by_the_next(tmp_path: Path) -> None:
    uri = f"{tmp_path}/scenes/scene/masks.zarr"
    _lay_out(uri)
    store.write(scene_at(uri), _labels(WINDOWS[0]), window=WINDOWS[0])
    written = _held(uri)
    (tmp_path / "scenes/scene/masks.zarr/0/class/c/1/0.5f5f.partial").write_bytes(b"half")
    store.write(scene_at(uri), _labels(WINDOWS[0]), window=WINDOWS[0])
    assert _held(uri) == written


def test_a_vocabulary_of_many_words_has_masks_of_two_bytes(tmp_path: Path) -> None:
    uri = f"{tmp_path}/scenes/scene/masks.zarr"
    _lay_out(uri, classes=[f"class {index}" for index in range(300)])
    whole = Window(0, 0, HEIGHT, WIDTH)
    assert store.read(scene_at(uri), "class", whole).dtype == np.uint16
    assert (store.read(scene_at(uri), "class", whole) == 65535).all()
    labels: dict[str, np.ndarray] = {**_labels(whole), "class": np.full((HEIGHT, WIDTH), 300, np.uint16)}
    store.write(scene_at(uri), labels, window=whole)
    np.testing.assert_array_equal(store.read(scene_at(uri), "class", whole), labels["class"])


def _filled(uri: str, place: str) -> dict[str, np.ndarray]:
    _lay_out(uri, _header(place))
    for window in WINDOWS:
        store.write(scene_at(uri), _labels(window), window=window)
    return _labels(Window(0, 0, HEIGHT, WIDTH))


def _opened(uri: str, name: str = "class") -> Any:  # noqa: ANN401 - rioxarray's accessor has no types
    options = {"endpoint_url": os.environ["AWS_ENDPOINT_URL"]} if uri.startswith("s3://") else None
    return xr.open_zarr(uri, group="0", decode_coords="all", storage_options=options)[name]


def _close(got: Any, transform: tuple[float, ...]) -> bool:  # noqa: ANN401 - an affine.Affine
    return bool(np.allclose(tuple(got)[:6], transform, rtol=1e-12, atol=1e-12))


@THIRD_PARTIES
def test_gdal_takes_no_valid_pixel_for_one_without_data(tmp_path: Path) -> None:
    """Neither a score of 0, which is a score, nor one of a pixel that was never written."""
    uri, written = f"{tmp_path}/scenes/scene/masks.zarr", WINDOWS[0]
    _lay_out(uri)
    labels = _labels(written)
    for name in ("score", "margin"):
        labels[name] = np.where(labels["class"] == 255, 255, labels[name] % 255).astype(np.uint8)
    store.write(scene_at(uri), labels, window=written)
    valid = np.zeros((HEIGHT, WIDTH), bool)
    valid[written.slices_in(Window(0, 0, HEIGHT, WIDTH))] = labels["class"] != 255
    assert (labels["score"][labels["class"] != 255] == 0).any()
    for name in store.ARRAYS:
        with rasterio.open(_for_gdal(uri, name, tmp_path / name)) as seen:
            assert seen.nodata == 255, name
            np.testing.assert_array_equal(seen.read_masks(1) > 0, valid)
        assert _opened(uri, name).rio.nodata == 255


def _for_gdal(uri: str, name: str, folder: Path) -> str:
    """An array as the GDAL of rasterio's wheel reads it, which knows neither `bytes` nor `zstd`: all else is ours."""
    held = zarr.open_array(uri, path=f"0/{name}", mode="r")
    metadata = json.loads((Path(uri) / "0" / name / "zarr.json").read_bytes())
    metadata["codecs"] = [{"name": "endian", "configuration": {"endian": "little"}}]
    for chunk in (Path(uri) / "0" / name / "c").glob("*/*"):
        row, col = int(chunk.parent.name) * CHUNK_PX, int(chunk.name) * CHUNK_PX
        padded = np.full((CHUNK_PX, CHUNK_PX), metadata["fill_value"], np.uint8)
        part = np.asarray(held[row : row + CHUNK_PX, col : col + CHUNK_PX])
        padded[: part.shape[0], : part.shape[1]] = part
        copy = folder / "c" / chunk.parent.name / chunk.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(padded.tobytes())
    (folder / "zarr.json").write_text(json.dumps(metadata))
    return f'ZARR:"{folder}"'


@given(st.lists(st.text(alphabet="ab _1", min_size=1).map(str.strip).filter(bool), unique=True, max_size=9))
def test_flag_meanings_are_a_word_for_each_class_and_no_two_are_alike(names: list[str]) -> None:
    documents = store.documents(
        store.StoreLayout(header=_header(), name="scene", classes=names, chunk_px=CHUNK_PX)
    )
    attributes = json.loads(documents["0/class/zarr.json"])["attributes"]
    words = attributes["flag_meanings"].split(" ")
    assert len(set(words)) == len(words) == len(attributes["flag_values"]) == 1 + len(names)
    assert words[0] == "other"
    assert attributes["class_names"] == ["other", *names]
    kept = [word for word, name in zip(words[1:], names, strict=True) if word == "_".join(name.split())]
    assert len(kept) >= len({"_".join(name.split()) for name in names} - {"other", *_made(words)})


def _made(words: list[str]) -> set[str]:
    """Words that end with a number, as those do that were told apart."""
    return {word for word in words if word.rpartition("_")[2].isdigit()}


def test_two_names_that_differ_by_a_blank_alone_are_two_words() -> None:
    documents = store.documents(
        store.StoreLayout(header=_header(), name="scene", classes=["a b", "a_b", "other"], chunk_px=CHUNK_PX)
    )
    attributes = json.loads(documents["0/class/zarr.json"])["attributes"]
    assert attributes["flag_meanings"].split() == ["other", "a_b", "a_b_2", "other_3"]


def test_the_root_says_what_made_the_masks_and_whether_all_of_them_are_done(uri: str) -> None:
    made: dict[str, Any] = {
        "origin": {"uri": "a.tif", "datetime": None},
        "made_by": {"run": "5f", "threshold": 0.2},
    }
    _lay_out(uri, **made)

    def said() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(_held(uri)["/zarr.json"])
        assert found.keys() >= {"consolidated_metadata", "node_type", "zarr_format"}
        return found["attributes"]["mrovseg"]  # type: ignore[no-any-return]  # what JSON holds

    expected = {"scene": made["origin"], **made["made_by"], "complete": False}
    assert said() == expected
    laid_out = _held(uri)
    store.mark(scene_at(uri), complete=True)
    assert said() == {**expected, "complete": True}
    marked = _held(uri)
    store.mark(scene_at(uri), complete=True)
    _lay_out(uri, **made)
    assert _held(uri) == marked
    store.mark(scene_at(uri), complete=False)
    assert _held(uri) == laid_out
    options = {"endpoint_url": os.environ["AWS_ENDPOINT_URL"]} if uri.startswith("s3://") else None
    root = zarr.open_group(uri, mode="r", storage_options=options)
    assert root.attrs["mrovseg"] == expected


@pytest.mark.parametrize("damaged", [b"", b"[]", b'{"attributes": {}}', b"\xff"])
def test_a_damaged_root_is_marked_by_nobody(tmp_path: Path, damaged: bytes) -> None:
    uri = f"{tmp_path}/scenes/scene/masks.zarr"
    _lay_out(uri)
    Path(uri, "zarr.json").write_bytes(damaged)
    store.mark(scene_at(uri), complete=True)
    assert Path(uri, "zarr.json").read_bytes() == damaged
    store.mark(scene_at(f"{tmp_path}/nowhere/scenes/a/masks.zarr"), complete=True)
    assert not (tmp_path / "nowhere").exists()


@THIRD_PARTIES
@pytest.mark.parametrize("place", PLACES)
def test_xarray_and_rioxarray_see_pixels_place_and_nodata(uri: str, place: str) -> None:
    labels = _filled(uri, place)
    found = _opened(uri)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found.values, labels["class"])
    crs, transform = PLACES[place]
    assert (found.rio.crs is None) if crs is None else (found.rio.crs.to_epsg() == crs)
    assert _close(found.rio.transform(), transform)
    assert found.rio.nodata == 255
    assert found.attrs["class_names"] == ["other", *CLASSES]
    assert found.attrs["flag_meanings"] == "other building paved_road"


@THIRD_PARTIES
@pytest.mark.parametrize("place", [place for place in PLACES if place != "no CRS"])  # rio-tiler wants a CRS
def test_rio_tiler_sees_pixels_place_and_nodata(tmp_path: Path, place: str) -> None:
    uri = f"{tmp_path}/scenes/scene/masks.zarr"
    labels = _filled(uri, place)
    with XarrayReader(_opened(uri)) as reader:
        image = reader.preview(max_size=None)
        assert reader.crs.to_epsg() == PLACES[place][0]
        assert _close(reader.transform, PLACES[place][1])
    np.testing.assert_array_equal(image.array.data[0], labels["class"])
    np.testing.assert_array_equal(np.ma.getmaskarray(image.array)[0], labels["class"] == 255)


@THIRD_PARTIES
def test_rio_tiler_finds_the_pixel_under_a_place_on_earth(tmp_path: Path) -> None:
    uri = f"{tmp_path}/scenes/scene/masks.zarr"
    labels = _filled(uri, "UTM")
    to_lonlat = pyproj.Transformer.from_crs(32633, 4326, always_xy=True)
    with XarrayReader(_opened(uri)) as reader:
        for row, col in np.argwhere(labels["class"] == 2)[:20]:
            lon, lat = to_lonlat.transform(5e5 + 10 * (col + 0.5), 5e6 - 10 * (row + 0.5))
            assert reader.point(lon, lat).array.data.item() == 2


def test_zarr_sees_groups_arrays_and_the_conventions_on_each(tmp_path: Path) -> None:
    uri = f"{tmp_path}/scenes/scene/masks.zarr"
    labels = _filled(uri, "UTM")
    root = zarr.open_group(uri, mode="r", use_consolidated=False)
    level = root["0"]
    assert isinstance(level, zarr.Group)
    assert sorted(level.array_keys()) == ["class", "margin", "score", "spatial_ref", "x", "y"]
    for name in store.ARRAYS:
        array = level[name]
        assert isinstance(array, zarr.Array)
        np.testing.assert_array_equal(array[:], labels[name])
        assert array.metadata.dimension_names == ("y", "x")  # type: ignore[union-attr]  # it is of format 3
        assert "_FillValue" not in array.attrs
        for attributes in (root.attrs, level.attrs, array.attrs):
            assert attributes["proj:code"] == "EPSG:32633"
            assert attributes["spatial:transform"] == [10.0, 0.0, 5e5, 0.0, -10.0, 5e6]
            assert attributes["spatial:bbox"] == [5e5, 5e6 - 700, 5e5 + 900, 5e6]


def test_a_rotated_scenes_bounds_hold_its_four_corners(tmp_path: Path) -> None:
    uri = f"{tmp_path}/scenes/scene/masks.zarr"
    _lay_out(uri, _header("rotated"))
    root = zarr.open_group(uri, mode="r", use_consolidated=False)
    assert root.attrs["spatial:bbox"] == [5e5, 5e6 - 560, 5e5 + 720 + 420, 5e6 + 540]
    assert "x" not in root["0"]  # type: ignore[operator]  # it is a group


def test_nothing_is_said_of_a_crs_where_the_scene_states_none(tmp_path: Path) -> None:
    uri = f"{tmp_path}/scenes/scene/masks.zarr"
    _lay_out(uri, _header("no CRS"))
    assert not [key for key, content in _held(uri).items() if b"proj:" in content or b"crs_wkt" in content]


def _attributes(place: str = "UTM", **changed: Any) -> dict[str, Any]:  # noqa: ANN401 - of several types
    """The root's attributes, with those of the class ids beside them."""
    given = {"header": _header(place), "name": "scene", "classes": CLASSES, "chunk_px": CHUNK_PX, **changed}
    documents = store.documents(store.StoreLayout(**given))
    of_classes = json.loads(documents["0/class/zarr.json"])["attributes"]
    return {**json.loads(documents["zarr.json"])["attributes"], "class": of_classes}


def test_classes_have_the_colours_that_are_given_or_those_of_the_palette() -> None:
    assert _attributes()["class"]["flag_colors"].split() == [*class_colors(CLASSES)]
    found = _attributes(colors=("#bdbdbd", "#ff0000", "#00ff00"))
    assert found["class"]["flag_colors"] == "#bdbdbd #ff0000 #00ff00"
    assert found["ome"]["image-label"] == {
        "colors": [
            {"label-value": 0, "rgba": [0xBD, 0xBD, 0xBD, 0]},
            {"label-value": 1, "rgba": [255, 0, 0, 255]},
            {"label-value": 2, "rgba": [0, 255, 0, 255]},
            {"label-value": 255, "rgba": [0, 0, 0, 0]},
        ],
        "properties": [
            {"label-value": id_, "class": name}
            for id_, name in ((0, "other"), (1, "building"), (2, "paved road"), (255, "no data"))
        ],
    }
    with pytest.raises(ValueError, match="each class has a colour"):
        _attributes(colors=("#bdbdbd", "#ff0000"))


@pytest.mark.parametrize(
    ("place", "unit"), [("UTM", "meter"), ("rotated", "meter"), ("lon-lat", "degree"), ("no CRS", None)]
)
def test_the_axes_have_the_unit_of_the_crs(place: str, unit: str | None) -> None:
    (image,) = _attributes(place)["ome"]["multiscales"]
    assert image["name"] == "scene"
    assert [axis.get("unit") for axis in image["axes"]] == [unit, unit]


def test_a_slides_pixels_have_their_own_size_in_micrometers() -> None:
    slide = replace(_header("no CRS"), pixel_m=(2.5e-7, 5e-7))
    (image,) = _attributes(header=slide)["ome"]["multiscales"]
    assert [axis["unit"] for axis in image["axes"]] == ["micrometer"] * 2
    scale, translation = image["datasets"][0]["coordinateTransformations"]
    assert scale["scale"] == pytest.approx([0.25, 0.5])
    assert translation["translation"] == pytest.approx([0.125, 0.25])


@pytest.mark.parametrize("place", PLACES)
def test_the_conventions_are_what_their_validator_expects(place: str) -> None:
    documents = store.documents(
        store.StoreLayout(header=_header(place), name="a", classes=CLASSES, chunk_px=CHUNK_PX), levels=2
    )
    for key in ("zarr.json", "0/zarr.json", "0/class/zarr.json", "2/zarr.json", "2/class/zarr.json"):
        attributes = json.loads(documents[key])["attributes"]
        said = {each["name"] for each in attributes["zarr_conventions"]}
        assert said == {"spatial"} | ({"proj"} if place != "no CRS" else set()) | (
            {"multiscales"} if key == "zarr.json" else set()
        )
        zarr_cm.validate_all(attributes)
