"""Maps of chunks: what all chips of a scene make of them at once, in plain numpy, and windows to the same bytes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.geometry.chips import chips_of
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.window import Window
from pipeline.segment import EMBEDDING_MAX, FEATURE_MAX, KEPT, Arrays, Proposer, WindowProposals, layout_of
from tests.pipeline.segment.scenes import BRIGHTNESS, Noise, Scene, Watched, painted, proposed, read

CELL_PLACES = 8


def noise(stride_px: int, step: int, overlap: int, chips_per_call: int) -> Noise:
    return Noise(
        chip_px=(step + overlap) * stride_px,
        step_px=step * stride_px,
        stride_px=stride_px,
        chips_per_call=chips_per_call,
    )


noises = st.builds(noise, st.integers(1, 3), st.integers(2, 9), st.integers(0, 18), st.integers(1, 4))
scenes = st.builds(painted, st.integers(1, 50), st.integers(1, 50), st.integers(0, 10**6))


def ramp(points: int) -> np.ndarray:
    along = (np.arange(points, dtype=np.float32) + np.float32(0.5)) / np.float32(points)
    falling: np.ndarray = np.minimum(along, np.float32(1) - along)
    return falling


def chips_with_data(noise: Noise, scene: Scene) -> list[tuple[Window, Arrays]]:
    """Every chip of a scene in which there is any data, and what is proposed for it."""
    extent = Window(0, 0, *scene[1].shape)
    every = chips_of(extent, layout_of(noise), scene_px=extent.shape).chips()
    seen = [(chip, *read(scene, chip)) for chip in every]
    return [(chip, noise.of_chip(pixels)) for chip, pixels, valid in seen if valid.any()]


def eight_bits(vector: np.ndarray, most: int) -> np.ndarray:
    largest = np.abs(vector).max()
    return np.rint(vector / largest * np.float32(most)).astype(np.int8) if largest else vector.astype(np.int8)


def blended_queries(noise: Noise, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """The numbers and the levels (0..15), (y, x, KEPT) each, of the strongest queries of all places of a scene."""
    height, width = (-(-length // noise.stride_px) for length in scene[1].shape)
    found, side = chips_with_data(noise, scene), layout_of(noise).side_px // noise.stride_px
    margin = 2 * side + 2  # around the scene, so that every chip is whole
    total = np.zeros((height + 2 * margin, width + 2 * margin), np.float32)
    places = []
    for chip, _ in found:
        row, col = chip.row_off // noise.stride_px + margin, chip.col_off // noise.stride_px + margin
        places.append((slice(row, row + side), slice(col, col + side)))
        total[places[-1]] += ramp(side)[:, None] * ramp(side)
    values = np.zeros((len(found), 3, *total.shape), np.float32)
    numbers = np.zeros(values.shape, int)
    for number, ((_, arrays), at) in enumerate(zip(found, places, strict=True)):
        part = ramp(side)[:, None] * ramp(side) / total[at]
        values[(number, slice(None), *at)] = arrays["weight"].astype(np.float32) * part
        numbers[(number, slice(None), *at)] = arrays["index"].astype(int) + number * noise.queries
    inner = (slice(None), slice(margin, margin + height), slice(margin, margin + width))
    values, numbers = (each.reshape(-1, *total.shape)[inner] for each in (values, numbers))
    order = np.argsort(-values, axis=0, kind="stable")[:KEPT]
    levels = np.rint(np.take_along_axis(values, order, 0) / np.float32(17)).astype(int)
    numbers, missing = np.take_along_axis(numbers, order, 0), ((0, KEPT - len(order)), (0, 0), (0, 0))
    return np.moveaxis(np.pad(numbers, missing), 0, -1), np.moveaxis(np.pad(levels, missing), 0, -1)


def blended_features(noise: Noise, scene: Scene) -> np.ndarray:
    """The sums of the features (y, x, e) in all cells of a scene, patch by patch."""
    cell_px = CELL_PLACES * noise.stride_px
    sums = np.zeros((*(-(-length // cell_px) for length in scene[1].shape), 5), np.float32)
    for chip, arrays in chips_with_data(noise, scene):
        patches = arrays["features"].shape[1]
        patch_px, along = layout_of(noise).side_px // patches, ramp(patches)
        for y, x in np.ndindex(patches, patches):
            row = int((chip.row_off + (y + 0.5) * patch_px) // cell_px)
            col = int((chip.col_off + (x + 0.5) * patch_px) // cell_px)
            if 0 <= row < sums.shape[0] and 0 <= col < sums.shape[1]:
                sums[row, col] += arrays["features"][:, y, x] * (along[y] * along[x])
    return sums


def around(values: np.ndarray, chunk: Window, unit_px: int) -> np.ndarray:
    """A chunk's part of an array of places or cells of a scene, with a ring around it."""
    padded = np.pad(values, ((1, 1), (1, 1), (0, 0)), mode="edge")
    row, col = chunk.row_off // unit_px, chunk.col_off // unit_px
    return padded[row : -(-chunk.row_end // unit_px) + 2, col : -(-chunk.col_end // unit_px) + 2]


def maps_of(noise: Noise, scene: Scene, chunk_px: int) -> list[Arrays]:
    """The maps of a scene's chunks, by all its chips at once."""
    numbers, levels = blended_queries(noise, scene)
    features = blended_features(noise, scene)
    embeddings = np.concatenate([arrays["embeddings"] for _, arrays in chips_with_data(noise, scene)])
    maps: list[Arrays] = []
    for chunk in plan_windows(*scene[1].shape, window_px=chunk_px):
        ours, theirs = (around(each, chunk, noise.stride_px) for each in (numbers, levels))
        occurring = sorted({*ours[theirs > 0].tolist()})
        index, weight = np.zeros(ours.shape, np.uint16), np.zeros(ours.shape, np.uint8)
        for y, x in np.ndindex(ours.shape[:2]):
            pairs = sorted((n, level) for n, level in zip(ours[y, x], theirs[y, x], strict=True) if level)
            for rank, (number, level) in enumerate(pairs):
                index[y, x, rank], weight[y, x, rank] = occurring.index(number), level
        cells = around(features, chunk, CELL_PLACES * noise.stride_px)
        quantised = [eight_bits(embeddings[number], EMBEDDING_MAX) for number in occurring]
        maps.append(
            {
                "embeddings": np.array(quantised, np.int8).reshape(-1, 5),
                "index": index,
                "weight": weight,
                "features": np.apply_along_axis(eight_bits, -1, cells, FEATURE_MAX),
            }
        )
    return maps


def check_equal(found: Arrays, expected: Arrays) -> None:
    assert {*found} == {*expected}
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array, err_msg=name)


@settings(max_examples=15)
@given(noises, scenes, st.integers(1, 2))
def test_a_map_is_what_all_chips_of_the_scene_make_of_it(noise: Noise, scene: Scene, units: int) -> None:
    chunk_px = units * CELL_PLACES * noise.stride_px
    found = proposed(noise, scene, Window(0, 0, *scene[1].shape), chunk_px=chunk_px)
    if not scene[1].any():
        assert found.is_empty
        return
    expected = maps_of(noise, scene, chunk_px)
    assert len(found) == len(expected)
    for number, each in enumerate(expected):
        check_equal(found.chunk(number), each)


@settings(max_examples=20)
@given(noises, scenes, st.sampled_from([1, 2, 4]), st.integers(1, 4))
def test_windows_of_any_size_give_the_same_maps_in_any_calls(
    noise: Noise, scene: Scene, chunks: int, chips_per_call: int
) -> None:
    chunk_px, extent = CELL_PLACES * noise.stride_px, Window(0, 0, *scene[1].shape)
    whole = proposed(noise, scene, extent, chunk_px=chunk_px)
    chunk_of = {chunk: n for n, chunk in enumerate(plan_windows(*extent.shape, window_px=chunk_px))}
    other = replace(noise, chips_per_call=chips_per_call)
    for window in plan_windows(*extent.shape, window_px=chunks * chunk_px):
        part = proposed(other, scene, window, chunk_px=chunk_px)
        inside = [chunk for chunk in chunk_of if chunk.intersection(window)]
        assert len(part) == len(inside)
        for number, chunk in enumerate(inside):
            if part.is_empty:  # there, the whole has nothing of these chunks either
                expected = whole.chunk(chunk_of[chunk])
                assert not any(array.any() for array in expected.values())
            else:
                check_equal(part.chunk(number), whole.chunk(chunk_of[chunk]))


@settings(max_examples=15)
@given(noises, st.integers(1, 50), st.integers(1, 50))
def test_the_parts_of_all_chips_add_up_to_one_at_every_place(noise: Noise, height: int, width: int) -> None:
    class Sure(Noise):
        """Gives all of the weight of a place to the first query."""

        def of_chip(self, chip: np.ndarray) -> dict[str, np.ndarray]:
            found = super().of_chip(chip)
            weight = np.zeros_like(found["weight"])
            weight[0] = 255
            return {**found, "weight": weight}

    scene = np.zeros((height, width, 3), np.uint8), np.ones((height, width), bool)
    sure = Sure(**{name: getattr(noise, name) for name in ("chip_px", "step_px", "stride_px")})
    overlap_px = noise.chip_px - noise.step_px
    maps = proposed(sure, scene, Window(0, 0, height, width), chunk_px=CELL_PLACES * noise.stride_px)
    for number in range(len(maps)):
        weight = maps.chunk(number)["weight"].astype(int)
        entries = (weight > 0).sum(axis=-1)
        few = entries <= 4  # of more, what is rounded away or is not among the strongest grows
        assert (np.abs(weight.sum(axis=-1) - 15)[few & (overlap_px <= noise.step_px)] <= 2).all()
        assert (entries > 0).all() or overlap_px > 2 * noise.step_px


@pytest.mark.parametrize("names", [("features",), ("embeddings", "index", "weight")])
def test_a_network_may_propose_queries_alone_or_features_alone(names: tuple[str, ...]) -> None:
    scene, window = painted(30, 30, seed=1), Window(0, 0, 30, 30)
    every = Noise(chip_px=16, step_px=8, stride_px=2)
    some = proposed(replace(every, names=names), scene, window)
    for number in range(len(some)):
        assert {*some.chunk(number)} == {*names}
        whole = proposed(every, scene, window).chunk(number)
        check_equal(some.chunk(number), {name: whole[name] for name in names})


def test_calls_are_all_of_one_size_and_chips_without_data_cost_none() -> None:
    pixels, valid = painted(32, 32, seed=2)
    valid = np.zeros_like(valid)
    valid[0, 0] = valid[20, 20] = True  # the former in one chip, the latter in four
    watched = Watched(replace(BRIGHTNESS, chips_per_call=4))
    found = proposed(watched, (pixels, valid), Window(0, 0, 32, 32))
    assert [call.shape for call in watched.calls] == [(4, 16, 16, 3)] * 2
    assert (watched.calls[1][1:] == 127).all()
    assert not found.is_empty


def test_a_chip_is_asked_for_data_anywhere_in_it_wherever_a_window_ends() -> None:
    pixels, valid = painted(64, 64, seed=2)
    valid = np.zeros_like(valid)
    valid[31, 31] = True  # the window below and to the right of it has no data
    empty = proposed(BRIGHTNESS, (pixels, valid), Window(32, 32, 32, 32))
    assert not empty.is_empty
    assert empty.chunk(0)["weight"][0, 0].any()


def test_windows_that_are_not_made_of_whole_chunks_are_refused() -> None:
    scene = painted(64, 64, seed=1)
    with pytest.raises(
        ValueError, match=r"col_off=8.* is not made of whole chunks of 16 px of a scene of \(64, 64\)"
    ):
        proposed(BRIGHTNESS, scene, Window(0, 8, 16, 16))
    with pytest.raises(ValueError, match="whole cells of 16 px, got chunks of 8 px"):
        proposed(BRIGHTNESS, scene, Window(0, 8, 16, 16), chunk_px=8)


@pytest.mark.parametrize(
    ("name", "array", "said"),
    [
        ("weight", np.full((1, 3, 3, 2), 16, np.uint8), r"weights in a map are 0\.\.15, got 16"),
        ("weight", np.zeros((1, 3, 3, 1), np.uint8), "weight"),
        ("index", np.full((1, 3, 3, 2), 2, np.uint16), r"no embeddings of: it has \[2\]"),
        ("queries", np.array([3]), "stacked maps"),
        ("places", np.array([[3, 4]]), "stacked maps"),
        ("cells", np.array([[1, 0]]), "stacked maps"),
    ],
)
def test_maps_that_do_not_go_together_are_refused(name: str, array: np.ndarray, said: str) -> None:
    values: dict[str, np.ndarray] = {
        "embeddings": np.ones((1, 2, 4), np.int8),
        "index": np.zeros((1, 3, 3, 2), np.uint16),
        "weight": np.zeros((1, 3, 3, 2), np.uint8),
        "features": np.zeros((1, 0, 0, 0), np.int8),
        "queries": np.array([2]),
        "places": np.array([[3, 3]]),
        "cells": np.array([[0, 0]]),
    }
    assert not WindowProposals(chunk_px=16, **values).is_empty
    with pytest.raises((ValueError, TypeError), match=said):  # the latter by the run-time checks of tests
        WindowProposals(chunk_px=16, **{**values, name: array})


def test_a_proposer_is_one() -> None:
    assert isinstance(Noise(chip_px=16, step_px=8, stride_px=2), Proposer)
