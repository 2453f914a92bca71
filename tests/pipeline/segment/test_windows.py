"""Windows: labelled alike however they are cut, and nothing is made of a broken promise."""

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.geometry.chips import FILL, cover
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.window import Window
from pipeline.segment import (
    Arrays,
    Labeller,
    Labels,
    Segmenter,
    WindowLabels,
    WindowProposals,
    label_window,
    layout_of,
    segment_window,
)
from pipeline.testing.brightness import BrightnessSegmenter
from tests.pipeline.segment.scenes import BRIGHTNESS, CHUNK_PX, Scene, Watched, painted, proposed, read


def segment(
    segmenter: Segmenter, scene: Scene, window: Window, classes: int = 6, *, every_pixel: bool = True
) -> WindowLabels:
    scene_px = scene[1].shape[0], scene[1].shape[1]
    seen = read(scene, cover(window, layout_of(segmenter), scene_px=scene_px))
    return segment_window(
        segmenter,
        *seen,
        window=window,
        scene_px=scene_px,
        chunk_px=CHUNK_PX,
        classes=classes,
        every_pixel=every_pixel,
    )


@settings(max_examples=20)
@given(
    size=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    chunks=st.sampled_from([1, 2, 4]),
    overlap=st.integers(0, 8),
    chips_per_call=st.integers(1, 5),
    seed=st.integers(0, 10**6),
    every_pixel=st.booleans(),
)
def test_any_partition_into_windows_gives_the_whole(
    size: tuple[int, int], chunks: int, overlap: int, chips_per_call: int, seed: int, *, every_pixel: bool
) -> None:
    scene = painted(*size, seed)
    segmenter = replace(BRIGHTNESS, chip_px=BRIGHTNESS.step_px + 2 * overlap, reach_px=overlap)
    extent = Window(0, 0, *size)
    whole = segment(segmenter, scene, extent, every_pixel=every_pixel)
    segmenter = replace(segmenter, chips_per_call=chips_per_call)
    for window in plan_windows(*size, window_px=chunks * CHUNK_PX):
        part = segment(segmenter, scene, window, every_pixel=every_pixel)
        assert part.stride_px == whole.stride_px == (1 if every_pixel else 2)
        at = window.slices_in(extent)
        places = tuple(slice(each.start // part.stride_px, -(-each.stop // part.stride_px)) for each in at)
        assert np.array_equal(part.mask, whole.mask[at])
        assert np.array_equal(part.score, whole.score[places])
        assert np.array_equal(part.margin, whole.margin[places])


def test_pixels_without_data_are_no_data() -> None:
    scene = painted(20, 20, seed=1)
    labels = segment(BRIGHTNESS, scene, Window(0, 0, 20, 20))
    assert ((labels.mask == 255) == ~scene[1]).all()
    assert ((labels.score == 255) == ~scene[1]).all()
    assert ((labels.margin == 255) == ~scene[1]).all()


def test_places_without_a_valid_pixel_are_no_data() -> None:
    scene = painted(21, 23, seed=1)
    scene[1][4:6, 4:6] = [[False, False], [False, True]]
    labels = segment(BRIGHTNESS, scene, Window(0, 0, 21, 23), every_pixel=False)
    assert labels.score.shape == labels.margin.shape == (11, 12)
    padded = np.pad(scene[1], ((0, 1), (0, 1)))
    any_valid = np.logical_or.reduce(padded.reshape(11, 2, 12, 2), axis=(1, 3))
    assert any_valid[2, 2]
    assert ((labels.score == 255) == ~any_valid).all()
    assert ((labels.margin == 255) == ~any_valid).all()
    assert ((labels.mask == 255) == ~scene[1]).all()


def test_scores_of_places_are_those_of_maps() -> None:
    scene = painted(16, 16, seed=1)[0], np.ones((16, 16), bool)
    one = replace(BRIGHTNESS, n_classes=0)
    maps = proposed(one, scene, Window(0, 0, 16, 16)).chunk(0)
    assert {*maps["index"][maps["weight"] > 0].tolist()} == {*range(len(maps["embeddings"]))}
    labels = segment(one, scene, Window(0, 0, 16, 16), classes=0, every_pixel=False)
    weight = np.minimum(maps["weight"][1:-1, 1:-1].sum(axis=-1, dtype=int), 15)
    assert np.array_equal(labels.score, weight * 254 // 15)


def sharpest_step(score: np.ndarray) -> int:
    return max(int(np.abs(np.diff(score.astype(int), axis=axis)).max()) for axis in (0, 1))


@pytest.mark.parametrize("size", [(160, 160), (97, 131)])
def test_chips_that_disagree_meet_without_a_seam(size: tuple[int, int]) -> None:
    height, width = size
    blended = BrightnessSegmenter(chip_px=64, step_px=32, reach_px=16, n_classes=0)
    # Its score is how bright a chip is.
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[64:, :64] = pixels[:64, 64:] = 255
    scene, window = (pixels, np.ones((height, width), bool)), Window(0, 0, height, width)
    scores = [
        segment_window(
            each,
            *read(scene, cover(window, layout_of(each), scene_px=size)),
            window=window,
            scene_px=size,
            chunk_px=32,
            classes=0,
        ).score
        for each in (blended, replace(blended, chip_px=32, reach_px=0))
    ]
    assert sharpest_step(scores[1]) > 120  # side by side, black and white chips
    assert sharpest_step(scores[0]) <= 40
    assert np.ptp(scores[0]) > 100


def test_scores_leave_the_value_of_no_data_free() -> None:
    class Loud(Watched):
        def label(self, arrays: Arrays, /, *, size_px: tuple[int, int], every_pixel: bool) -> Labels:
            ids, score, margin = super().label(arrays, size_px=size_px, every_pixel=every_pixel)
            return ids, np.full_like(score, 255), margin

    white = np.full((8, 8, 3), 255, np.uint8), np.ones((8, 8), bool)
    alone = replace(BRIGHTNESS, chip_px=8, reach_px=0)
    assert segment(alone, white, Window(0, 0, 8, 8)).score.max() == 254
    with pytest.raises(ValueError, match=r"scores and margins are 0\.\.254, got 255"):
        segment(Loud(alone), white, Window(0, 0, 8, 8))


def test_a_window_without_data_asks_nothing() -> None:
    watched = Watched(BRIGHTNESS)
    empty = (np.full((9, 9, 3), FILL, np.uint8), np.zeros((9, 9), bool))
    assert (segment(watched, empty, Window(0, 0, 9, 9)).mask == 255).all()
    assert watched.calls == []


def test_a_large_vocabulary_takes_two_bytes() -> None:
    segmenter = replace(BRIGHTNESS, n_classes=300)
    mask = segment(segmenter, painted(8, 8, seed=3), Window(0, 0, 8, 8), classes=300).mask
    assert mask.dtype == np.uint16
    assert (mask == 65535).any()


def test_a_segmenter_of_another_dtype_is_refused() -> None:
    with pytest.raises(ValueError, match=r"are \[\('uint8'.*got \[\('uint16'"):
        segment(replace(BRIGHTNESS, n_classes=300), painted(8, 8, seed=3), Window(0, 0, 8, 8))


ARRAYS = ("embeddings", "index", "weight", "features", "queries", "places", "cells")


@settings(max_examples=15)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 10**6))
def test_stored_proposals_of_a_window_are_labelled_as_it_was(height: int, width: int, seed: int) -> None:
    scene, window = painted(height, width, seed), Window(0, 0, height, width)
    labels, found, file = (
        segment(BRIGHTNESS, scene, window),
        proposed(BRIGHTNESS, scene, window),
        io.BytesIO(),
    )
    np.savez(file, allow_pickle=False, **{name: getattr(found, name) for name in ARRAYS})
    arrays = dict(np.load(io.BytesIO(file.getvalue()), allow_pickle=False))
    kept = WindowProposals(chunk_px=CHUNK_PX, **arrays)
    again = label_window(BRIGHTNESS, kept, labels.mask < 255, window=window, classes=6, every_pixel=True)
    for name in ("mask", "score", "margin"):
        assert np.array_equal(getattr(again, name), getattr(labels, name))


def test_a_labeller_needs_no_network_and_is_given_a_chunk_at_a_time() -> None:
    @dataclass
    class Label:
        stride_px: int = BRIGHTNESS.stride_px
        sizes: tuple[tuple[int, int], ...] = ()

        def label(self, arrays: Arrays, /, *, size_px: tuple[int, int], every_pixel: bool) -> Labels:
            self.sizes += (size_px,)
            return BRIGHTNESS.label(arrays, size_px=size_px, every_pixel=every_pixel)

    window, scene = Window(0, 0, 40, 20), painted(40, 20, seed=5)
    scene[1][:16, :16] = False
    labeller = Label()
    assert isinstance(labeller, Labeller)
    assert not isinstance(labeller, Segmenter)
    found = label_window(labeller, proposed(BRIGHTNESS, scene, window), scene[1], window=window, classes=6)
    assert np.array_equal(found.mask, segment(BRIGHTNESS, scene, window).mask)
    assert labeller.sizes == ((16, 4), (16, 16), (16, 4), (8, 16), (8, 4))


def propose_with(**changed: Callable[[np.ndarray], Any]) -> Callable[[np.ndarray], Any]:
    def propose(chips: np.ndarray) -> dict[Any, Any]:
        found = BRIGHTNESS.propose(chips)
        return {**found, **{name: change(found[name]) for name, change in changed.items()}}

    return propose


@pytest.mark.parametrize(
    ("propose", "error", "said"),
    [
        (lambda chips: chips, TypeError, "arrays of numbers by name, got ndarray"),
        (lambda _: {}, ValueError, r"embeddings, index and weight, or features, or all of these; got \[\]"),
        (lambda _: {"features": [1]}, TypeError, "by name, got list as 'features'"),
        (lambda _: {1: np.zeros(3)}, TypeError, "by name, got float64 as 1"),
        (lambda _: {"index": np.zeros(3)}, ValueError, r"all of these; got \['index'\]"),
        (propose_with(index=lambda a: a.astype(object)), ValueError, "index .* uint8 or uint16 .*got object"),
        (
            propose_with(index=lambda a: a[:2]),
            ValueError,
            r"index of proposals is .*3 chips; got uint16 of \(2,",
        ),
        (propose_with(weight=lambda a: a[:, :1]), ValueError, r"weight .* with the same queries each; got"),
        (propose_with(weight=lambda a: a[..., 1:]), ValueError, r"weight .* of 8 x 8 places"),
        (propose_with(index=lambda a: a + 7), ValueError, "embeddings .*all queries of index, up to"),
        (propose_with(embeddings=lambda a: a[0]), ValueError, "embeddings .* of 3 chips; got"),
        (propose_with(embeddings=lambda a: a.astype(float)), ValueError, "float32 of 3 chips; got float64"),
        (propose_with(features=lambda a: a[..., :3, :3]), ValueError, "features .*divide 8 x 8 places"),
        (
            propose_with(features=lambda a: a[..., 1:]),
            ValueError,
            r"features .*; got float32 of \(3, 16, 8, 7\)",
        ),
    ],
)
def test_a_broken_promise_of_propose_is_named(
    propose: Callable[[np.ndarray], Any], error: type[Exception], said: str
) -> None:
    class Broken(Watched):
        def propose(self, chips: np.ndarray, /) -> Any:  # noqa: ANN401 - what should be arrays
            return propose(chips)

    scene = painted(8, 8, seed=1)[0], np.ones((8, 8), bool)
    with pytest.raises(error, match=said):
        segment(Broken(BRIGHTNESS), scene, Window(0, 0, 8, 8))


@pytest.mark.parametrize(
    "other",
    [
        lambda arrays: {"features": arrays["features"]},
        lambda arrays: {**arrays, "index": arrays["index"].astype(np.uint8)},
        lambda arrays: {**arrays, "embeddings": arrays["embeddings"][:, :, :3]},
    ],
    ids=["name", "dtype", "axes"],
)
def test_calls_that_do_not_go_together_are_named(other: Callable[[Arrays], Arrays]) -> None:
    class Fickle(Watched):
        def propose(self, chips: np.ndarray, /) -> Arrays:
            found = super().propose(chips)
            return found if len(self.calls) == 1 else other(found)

    scene = painted(32, 32, seed=1)[0], np.ones((32, 32), bool)
    with pytest.raises(ValueError, match=r"every call have the same dtypes and axes: first .*, then "):
        segment(Fickle(BRIGHTNESS), scene, Window(0, 0, 32, 32))


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (lambda ids, score, margin: (ids + 1, score, margin), r"class ids are 0\.\.6, got 7"),
        (lambda ids, score, margin: (ids, score, margin[:, 1:]), r"margins are .*got .*\(8, 7\)"),
        (lambda ids, score, _: (ids, score), "class ids, scores and margins are"),
        (lambda ids, score, margin: (ids, score.astype(np.int16), margin), "'uint8'.* got .*'int16'"),
    ],
)
def test_a_broken_promise_of_label_is_named(label: Callable[..., Any], said: str) -> None:
    class Broken(Watched):
        def label(self, arrays: Arrays, /, *, size_px: tuple[int, int], every_pixel: bool) -> Any:  # noqa: ANN401 - what should be labels
            return label(*super().label(arrays, size_px=size_px, every_pixel=every_pixel))

    white = np.full((8, 8, 3), 255, np.uint8), np.ones((8, 8), bool)
    with pytest.raises(ValueError, match=said):
        segment(Broken(BRIGHTNESS), white, Window(0, 0, 8, 8))


def test_proposals_of_another_window_are_named() -> None:
    window, scene = Window(0, 0, 16, 16), painted(16, 16, seed=1)
    found = proposed(BRIGHTNESS, scene, window)
    with pytest.raises(
        ValueError, match=r"Window.*\[\[10, 10\], \[10, 4\]\] places, got those of \[\[10, 10\]\]"
    ):
        label_window(BRIGHTNESS, found, np.ones((16, 20), bool), window=Window(0, 0, 16, 20), classes=6)
    with pytest.raises(ValueError, match=r"maps of \[\[6, 6\]\] places, got those of"):
        label_window(replace(BRIGHTNESS, stride_px=4), found, scene[1], window=window, classes=6)
    with pytest.raises(
        ValueError, match=r"valid pixels of Window.* are an array of \(16, 16\), got \(22, 22\)"
    ):
        label_window(BRIGHTNESS, found, np.ones((22, 22), bool), window=window, classes=6)
    nothing = proposed(BRIGHTNESS, (scene[0], np.zeros_like(scene[1])), window)
    with pytest.raises(ValueError, match=r"proposals of Window.*, which has valid pixels, are empty"):
        label_window(BRIGHTNESS, nothing, scene[1], window=window, classes=6)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"score": np.zeros((4, 4), np.uint8)}, "mask and score .* have no data at the same pixels"),
        ({"margin": np.zeros((4, 4), np.uint8)}, "mask and margin .* have no data at the same pixels"),
        ({"margin": np.full((4, 5), 255, np.uint8)}, "margin"),
        ({"mask": np.full((4, 4), 255, np.int16)}, "mask"),
        ({"stride_px": 2}, r"are .*\('uint8', \(2, 2\)\).*got"),
        ({"stride_px": 0}, "stride_px must be above zero, got 0"),
    ],
)
def test_labels_of_a_window_go_together(changed: dict[str, Any], said: str) -> None:
    nodata: dict[str, Any] = {each: np.full((4, 4), 255, np.uint8) for each in ("mask", "score", "margin")}
    with pytest.raises((ValueError, TypeError), match=said):  # the latter by the run-time checks of tests
        WindowLabels(**{**nodata, "stride_px": 1, **changed})
