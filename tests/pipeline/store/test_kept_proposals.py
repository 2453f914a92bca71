"""Proposals, and scores of places, are in a store what was made of a window, whatever the windows were."""

import json
import math
import os
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import store
from pipeline.errors import StoreError
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window
from pipeline.storage import objects
from pipeline.storage.location import Location
from pipeline.store import Contents, ProposalsLayout
from tests.pipeline.maps import CHUNK_PX, CONTENTS, KEPT, labels, maps
from tests.pipeline.outputs import scene_at

CLASSES = ("house", "road", "tree")
EXTENT = (150, 90)  # chunks and places cut off on both sides
WHOLE = Window(0, 0, *EXTENT)
NUMBERS = count()


def header_of(extent: tuple[int, int] = EXTENT) -> Header:
    return Header(
        height=extent[0],
        width=extent[1],
        bands=3,
        dtype="uint8",
        crs_wkt=pyproj.CRS.from_epsg(32633).to_wkt(),
        transform=(10.0, 0.0, 5e5, 0.0, -10.0, 5e6),
        nodata=None,
    )


def lay_out(uri: str, **changed: Any) -> None:  # noqa: ANN401 - of several types
    store.lay_out(
        scene_at(uri),
        **{
            "header": header_of(),
            "classes": CLASSES,
            "chunk_px": CHUNK_PX,
            "contents": CONTENTS,
            **changed,
        },
    )


def write(uri: str, window: Window) -> dict[str, str]:
    proposals = maps(window, extent=EXTENT)
    return store.write(scene_at(uri), labels(window, extent=EXTENT), window=window, proposals=proposals)


def held(uri: str) -> dict[str, bytes]:
    return {each.uri.removeprefix(uri): objects.get_bytes(each) for each in objects.walk(Location(uri))}


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return f"{tmp_path}/scenes/scene/masks.zarr"


def test_bytes_do_not_depend_on_the_size_of_windows_or_their_order(tmp_path: Path) -> None:
    stores = []
    for window_px in (CHUNK_PX, 2 * CHUNK_PX, 4 * CHUNK_PX):
        uri = f"{tmp_path}/{window_px}/scenes/scene/masks.zarr"
        lay_out(uri)
        for window in reversed(list(plan_windows(*EXTENT, window_px=window_px))):
            write(uri, window)
        stores.append(held(uri))
    assert stores[0] == stores[1] == stores[2]
    assert len([key for key in stores[0] if key.startswith("/proposals/index/c/")]) == 6  # an object a chunk


def test_one_chunks_window_writes_that_chunk_alone(uri: str) -> None:
    lay_out(uri)
    before = held(uri)
    digests = write(uri, Window(64, 0, 64, 64))
    assert sorted(held(uri).keys() - before.keys()) == [
        "/0/class/c/1/0",
        "/places/margin/c/1/0",
        "/places/score/c/1/0",
        "/proposals/embeddings/c/1/0/0/0",
        "/proposals/features/c/1/0/0/0/0",
        "/proposals/index/c/1/0/0/0/0",
        "/proposals/weight/c/1/0/0/0/0",
    ]
    of_maps = {f"proposals/{name}.chunks" for name in ("embeddings", "features", "index", "weight")}
    of_masks = {f"{name}{end}" for name in store.ARRAYS for end in ("", ".chunks")}
    assert digests.keys() == of_maps | of_masks


LAYOUTS = st.builds(
    lambda queries, features, embed_dim: replace(
        KEPT,
        k=min(queries, 4),
        most_queries=queries,
        embed_dim=embed_dim,
        feature_stride_px=32 if features or not queries else None,
    ),
    st.sampled_from([0, 1, 9]),
    st.booleans(),
    st.integers(1, 5),
)


@settings(max_examples=20)
@given(LAYOUTS, st.integers(1, 140), st.integers(1, 140), st.data())
def test_what_was_written_is_read_of_any_window_of_whole_chunks(
    tmp_path_factory: pytest.TempPathFactory,
    kept: ProposalsLayout,
    height: int,
    width: int,
    data: st.DataObject,
) -> None:
    uri = str(tmp_path_factory.getbasetemp() / f"read-{next(NUMBERS)}" / "scenes/scene/masks.zarr")
    extent = (height, width)
    lay_out(uri, header=header_of(extent), contents=Contents(score_stride_px=4, proposals=kept))
    for window in plan_windows(height, width, window_px=data.draw(st.sampled_from([64, 128]))):
        proposals = maps(window, extent=extent, kept=kept)
        store.write(scene_at(uri), labels(window, extent=extent), window=window, proposals=proposals)
    asked = data.draw(st.sampled_from([*plan_windows(height, width, window_px=64), Window(0, 0, *extent)]))
    found, expected = store.read_proposals(scene_at(uri), asked), maps(asked, extent=extent, kept=kept)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype, name
        np.testing.assert_array_equal(found[name], array, err_msg=name)
    for name, values in labels(asked, extent=extent).items():
        np.testing.assert_array_equal(store.read(scene_at(uri), name, asked), values)
    assert store.contents_of(scene_at(uri)).proposals == kept


@settings(max_examples=10)
@given(LAYOUTS)
def test_a_map_takes_in_memory_what_a_chunk_of_each_array_has(
    tmp_path_factory: pytest.TempPathFactory, kept: ProposalsLayout
) -> None:
    uri = str(tmp_path_factory.getbasetemp() / f"bytes-{next(NUMBERS)}" / "scenes/scene/masks.zarr")
    contents = Contents(score_stride_px=4, proposals=kept)
    lay_out(uri, contents=contents)
    arrays = [array for _, array in zarr.open_group(uri, mode="r", path="proposals").arrays()]
    expected = sum(math.prod(array.chunks) * array.dtype.itemsize for array in arrays)
    assert store.map_bytes(contents, chunk_px=CHUNK_PX) == expected > 0
    assert store.map_bytes(replace(contents, proposals=None), chunk_px=CHUNK_PX) == 0


def test_nothing_proposed_is_written_too(uri: str) -> None:
    lay_out(uri)
    window = Window(0, 0, 64, 64)
    none: dict[str, np.ndarray] = {
        "embeddings": np.zeros((1, 0, 8), np.int8),
        "index": np.zeros((1, 18, 18, 3), np.uint16),
        "weight": np.zeros((1, 18, 18, 3), np.uint8),
        "features": np.zeros((1, 4, 4, 8), np.int8),
    }
    store.write(scene_at(uri), labels(window, extent=EXTENT), window=window, proposals=none)
    assert len([key for key in held(uri) if "/c/0/0/0/0" in key]) == 4
    assert store.read_proposals(scene_at(uri), window)["queries"].tolist() == [0]


def test_leftovers_of_a_killed_writer_are_swept_by_the_next(uri: str) -> None:
    lay_out(uri)
    write(uri, WHOLE)
    written = held(uri)
    for name in ("proposals/index/c/1/0/0/0/0", "proposals/embeddings/c/2/1/0/0", "places/score/c/0/1"):
        Path(f"{uri}/{name}.5f5f.partial").write_bytes(b"half")
    write(uri, WHOLE)
    assert held(uri) == written


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"index": None}, r"keeps proposals, and Window.* came without their index"),
        ({"index": np.zeros((1, 18, 18, 3), np.uint8)}, r"index .* must be uint16 .* got uint8"),
        ({"weight": np.zeros((1, 19, 18, 3), np.uint8)}, r"weight .* at most \(18, 18, 3\)\), got .*19"),
        ({"embeddings": np.zeros((1, 21, 8), np.int8)}, r"embeddings .* at most \(20, 8\)"),
        ({"features": np.zeros((2, 4, 4, 8), np.int8)}, r"features .* \(1 chunks, .* got int8 of \(2, 4"),
        ({"score": np.zeros((64, 64), np.uint8)}, r"array score .* must be uint8 of \(16, 16\)"),
    ],
)
def test_a_window_that_does_not_fit_is_refused_before_anything_is_written(
    uri: str, changed: dict[str, Any], named: str
) -> None:
    lay_out(uri)
    before, window = held(uri), Window(0, 0, 64, 64)
    given_arrays = labels(window, extent=EXTENT) | maps(window, extent=EXTENT) | changed
    whole = {name: array for name, array in given_arrays.items() if array is not None}
    masks = {name: whole.pop(name) for name in store.ARRAYS}
    with pytest.raises(StoreError, match=named):
        store.write(scene_at(uri), masks, window=window, proposals=whole)
    assert held(uri) == before


@pytest.mark.parametrize(
    "contents",
    [
        Contents(),
        Contents(score_stride_px=4),
        Contents(score_stride_px=1, proposals=KEPT),
        Contents(score_stride_px=4, proposals=replace(KEPT, k=4)),
        Contents(score_stride_px=4, proposals=replace(KEPT, feature_stride_px=None)),
        Contents(score_stride_px=4, proposals=replace(KEPT, checkpoint_digest="another")),
    ],
)
def test_a_store_of_other_contents_is_refused_even_where_it_is_half_laid_out(
    uri: str, contents: Contents
) -> None:
    lay_out(uri)
    for _ in range(2):
        before = held(uri)
        with pytest.raises(StoreError, match=r"is of another run: .* choose another output"):
            lay_out(uri, contents=contents)
        assert held(uri) == before
        Path(uri, "zarr.json").unlink(missing_ok=True)


def test_places_of_which_chunks_are_not_made_are_refused(uri: str) -> None:
    with pytest.raises(
        StoreError, match=r"squares of 32 px, of which a chunk of 80 px is not made.*chunk_px 64"
    ):
        lay_out(uri, chunk_px=80)
    with pytest.raises(StoreError, match=r"squares of 4 px, .* chunk of 66 px"):
        lay_out(uri, chunk_px=66)
    assert not Path(uri).exists()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"stride_px": 0}, "above zero"),
        ({"feature_stride_px": -1}, "above zero"),
        ({"most_queries": 2**16 + 1}, "up to 65536"),
        ({"k": 0}, "queries, of which places keep k"),
        ({"k": 0, "most_queries": 0, "feature_stride_px": None}, "or features"),
    ],
)
def test_a_layout_that_cannot_be_is_refused(changed: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        replace(KEPT, **changed)


def test_an_output_without_proposals_says_so(uri: str) -> None:
    lay_out(uri, contents=store.chosen_contents(KEPT, scores="places", proposals=False))
    window = Window(0, 0, 64, 64)
    store.write(scene_at(uri), labels(window, extent=EXTENT), window=window)
    with pytest.raises(StoreError, match="made with proposals: false"):
        store.read_proposals(scene_at(uri), window)
    root = zarr.open_group(uri, mode="r")
    assert root.attrs["contents"] == {"scores": {"group": "places", "stride_px": 4}, "proposals": False}
    assert sorted(root.group_keys()) == ["0", "places"]


def test_scores_in_full_are_of_pixels_and_beside_class_ids(uri: str) -> None:
    lay_out(uri, contents=store.chosen_contents(KEPT, scores="full", proposals=True))
    values = labels(WHOLE, extent=EXTENT, stride_px=1)
    store.write(scene_at(uri), values, window=WHOLE, proposals=maps(WHOLE, extent=EXTENT))
    np.testing.assert_array_equal(store.read(scene_at(uri), "score", WHOLE), values["score"])
    root = zarr.open_group(uri, mode="r")
    assert sorted(root.group_keys()) == ["0", "proposals"]
    assert sorted(root["0"].array_keys()) == ["class", "margin", "score", "spatial_ref", "x", "y"]  # type: ignore[union-attr]  # a group


def test_a_root_that_does_not_say_what_there_is_is_an_error_of_one_line(uri: str) -> None:
    lay_out(uri)
    root = json.loads(Path(uri, "zarr.json").read_bytes())
    del root["attributes"]["contents"]
    Path(uri, "zarr.json").write_text(json.dumps(root))
    with pytest.raises(StoreError, match="says by 'contents' what it holds, got None"):
        store.contents_of(scene_at(uri))


@pytest.mark.parametrize("kind", ["local", "s3"])
def test_xarray_sees_places_where_they_are_on_the_ground(request: pytest.FixtureRequest, kind: str) -> None:
    root = str(request.getfixturevalue("s3" if kind == "s3" else "tmp_path"))
    uri = objects.join(root, "scenes", "scene", "masks.zarr")
    lay_out(uri)
    write(uri, WHOLE)
    options = {"endpoint_url": os.environ["AWS_ENDPOINT_URL"]} if kind == "s3" else None
    opened = {
        group: xr.open_zarr(uri, group=group, consolidated=True, storage_options=options)
        for group in ("0", "places", "proposals")
    }
    values = labels(WHOLE, extent=EXTENT)
    places = opened["places"]
    for name in ("score", "margin"):
        np.testing.assert_array_equal(places[name].values, values[name])
        assert places[name].attrs["nodata"] == 255
        assert places[name].attrs["spatial:transform"] == [40.0, 0.0, 5e5, 0.0, -40.0, 5e6]
    np.testing.assert_array_equal(opened["0"]["class"].values, values["class"])
    for axis, start, step in (("y", 5e6, -10.0), ("x", 5e5, 10.0)):
        pixels, squares = opened["0"][axis].values, places[axis].values
        np.testing.assert_array_equal(pixels, start + step * (np.arange(len(pixels)) + 0.5))
        whole = len(pixels) // 4  # the last place may reach beyond the scene
        np.testing.assert_allclose(squares[:whole], pixels[: 4 * whole].reshape(-1, 4).mean(axis=1))
        assert len(squares) == -(-len(pixels) // 4)
    kept = opened["proposals"]
    assert kept["index"].dims == ("chunk_y", "chunk_x", "place_y", "place_x", "rank")
    assert kept["embeddings"].shape == (3, 2, 20, 8)
    found = maps(Window(64, 0, 64, 64), extent=EXTENT)
    np.testing.assert_array_equal(kept["weight"].values[1, 0], found["weight"][0])


def test_the_group_of_proposals_says_how_they_are_read(uri: str) -> None:
    lay_out(uri)
    group = zarr.open_group(uri, mode="r", path="proposals")
    said = dict(group.attrs)
    assert (
        said.items()
        >= {
            "stride_px": 4,
            "feature_stride_px": 32,
            "k": 3,
            "most_queries": 20,
            "chip_px": 64,
            "step_px": 32,
            "chunk_px": CHUNK_PX,
            "weight_levels": 16,
            "ring": 1,
            "checkpoint": "made-up",
            "checkpoint_digest": "5f" * 32,
        }.items()
    )
    assert all(array.attrs["long_name"] for _, array in group.arrays())
