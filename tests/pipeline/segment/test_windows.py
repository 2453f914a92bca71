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
    CHIP,
    Arrays,
    Labeller,
    Labels,
    Segmenter,
    WindowLabels,
    label_window,
    layout_of,
    propose_window,
    segment_window,
)
from pipeline.testing.brightness import BrightnessSegmenter


class Watched:
    """A real segmenter that keeps a note of its calls."""

    def __init__(self, inner: BrightnessSegmenter) -> None:
        self.inner = inner
        self.core_px, self.halo_px, self.chips_per_call = inner.core_px, inner.halo_px, inner.chips_per_call
        self.calls: list[np.ndarray] = []

    def propose(self, chips: np.ndarray, /) -> Arrays:
        self.calls.append(chips.copy())
        return self.inner.propose(chips)

    def label(self, arrays: Arrays, /) -> Labels:
        return self.inner.label(arrays)


BRIGHTNESS = BrightnessSegmenter(core_px=8, halo_px=3, n_classes=6, chips_per_call=3)


def painted(height: int, width: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A scene of random pixels, a third of them in blobs without data."""
    random = np.random.default_rng(seed)
    valid = np.kron(random.random((-(-height // 5), -(-width // 5))) > 0.3, np.ones((5, 5), bool))
    valid = np.ascontiguousarray(valid[:height, :width])
    pixels = random.integers(0, 256, (height, width, 3), np.uint8)
    return np.where(valid[..., None], pixels, np.uint8(FILL)), valid


def read(scene: tuple[np.ndarray, np.ndarray], window: Window) -> tuple[np.ndarray, np.ndarray]:
    extent = Window(0, 0, *scene[1].shape)
    pixels, valid = np.full((*window.shape, 3), FILL, np.uint8), np.zeros(window.shape, bool)
    inside = window.intersection(extent)
    if inside is not None:
        pixels[inside.slices_in(window)] = scene[0][inside.slices_in(extent)]
        valid[inside.slices_in(window)] = scene[1][inside.slices_in(extent)]
    return pixels, valid


def segment(
    segmenter: Segmenter, scene: tuple[np.ndarray, np.ndarray], window: Window, classes: int = 6
) -> WindowLabels:
    seen = read(scene, cover(window, layout_of(segmenter)))
    return segment_window(segmenter, *seen, window=window, classes=classes)


@settings(max_examples=40)
@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(1, 40),
    st.integers(0, 4),
    st.integers(1, 5),
    st.integers(0, 10**6),
)
def test_any_partition_into_windows_gives_the_whole(
    height: int, width: int, window_px: int, halo_px: int, chips_per_call: int, seed: int
) -> None:
    scene = painted(height, width, seed)
    segmenter = replace(BRIGHTNESS, halo_px=halo_px, chips_per_call=chips_per_call)
    extent = Window(0, 0, height, width)
    whole = segment(segmenter, scene, extent)
    for window in plan_windows(height, width, window_px=window_px):
        part = segment(segmenter, scene, window)
        for name in ("mask", "score", "margin"):
            assert np.array_equal(getattr(part, name), getattr(whole, name)[window.slices_in(extent)])


def test_every_pixel_sees_its_whole_surroundings() -> None:
    scene, halo = painted(30, 41, seed=4), BRIGHTNESS.halo_px
    labels = segment(BRIGHTNESS, scene, Window(0, 0, 30, 41))
    around = read(scene, Window(0, 0, 30, 41).expand(halo))[0].astype(int)
    boxes = np.lib.stride_tricks.sliding_window_view(around, (2 * halo + 1, 2 * halo + 1), axis=(0, 1))
    mean = boxes.sum(axis=(2, 3, 4)) // (3 * (2 * halo + 1) ** 2)
    assert np.array_equal(labels.score, np.where(scene[1], np.minimum(mean, 254), 255))
    assert np.array_equal(labels.mask, np.where(scene[1], mean * 7 // 256, 255))


def test_pixels_without_data_are_no_data() -> None:
    scene = painted(20, 20, seed=1)
    labels = segment(BRIGHTNESS, scene, Window(0, 0, 20, 20))
    assert ((labels.mask == 255) == ~scene[1]).all()
    assert ((labels.score == 255) == ~scene[1]).all()
    assert ((labels.margin == 255) == ~scene[1]).all()


def test_scores_leave_the_value_of_no_data_free() -> None:
    class Loud(Watched):
        def label(self, arrays: Arrays, /) -> Labels:
            ids, score, margin = super().label(arrays)
            return ids, np.full_like(score, 255), margin

    white = painted(9, 9, seed=1)[0], np.ones((9, 9), bool)
    assert segment(BRIGHTNESS, (np.full_like(white[0], 255), white[1]), Window(0, 0, 9, 9)).score.max() == 254
    with pytest.raises(ValueError, match=r"scores and margins are 0\.\.254, got 255"):
        segment(Loud(BRIGHTNESS), white, Window(0, 0, 9, 9))


def test_calls_are_all_of_one_size_and_empty_chips_cost_none() -> None:
    pixels, valid = painted(32, 32, seed=2)
    valid = np.zeros_like(valid)
    valid[0, 0] = valid[17, 9] = valid[31, 31] = valid[24, 0] = True
    watched = Watched(BRIGHTNESS)
    segment(watched, (pixels, valid), Window(0, 0, 32, 32))
    assert [call.shape for call in watched.calls] == [(3, 14, 14, 3)] * 2
    assert (watched.calls[1][1:] == FILL).all()


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
    with pytest.raises(ValueError, match=r"expected|are \[\('uint8'.*got \[\('uint16'"):
        segment(replace(BRIGHTNESS, n_classes=300), painted(8, 8, seed=3), Window(0, 0, 8, 8))


def proposed(window: Window, scene: tuple[np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
    return dict(propose_window(BRIGHTNESS, *read(scene, cover(window, layout_of(BRIGHTNESS))), window=window))


@settings(max_examples=30)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 5), st.integers(0, 10**6))
def test_stored_proposals_of_a_window_are_labelled_as_it_was(
    height: int, width: int, chips_per_call: int, seed: int
) -> None:
    scene, window = painted(height, width, seed), Window(0, 0, height, width)
    segmenter = replace(BRIGHTNESS, chips_per_call=chips_per_call)
    labels = segment(segmenter, scene, window)
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **proposed(window, scene))
    arrays = np.load(io.BytesIO(file.getvalue()), allow_pickle=False)
    again = label_window(BRIGHTNESS, dict(arrays), labels.mask < 255, window=window, classes=6)
    for name in ("mask", "score", "margin"):
        assert np.array_equal(getattr(again, name), getattr(labels, name))


def test_proposals_are_of_the_chips_with_data_in_the_order_of_the_grid() -> None:
    pixels, valid = painted(32, 40, seed=2)
    valid = np.zeros_like(valid)
    valid[0, 39] = valid[17, 9] = valid[31, 0] = True
    window = Window(0, 0, 32, 40)
    found = proposed(window, (pixels, valid))
    assert {*found} == {CHIP, "brightness"}
    assert found[CHIP].tolist() == [4, 11, 15]
    assert found[CHIP].dtype == np.int64
    every = proposed(window, (pixels, np.ones_like(valid)))
    assert np.array_equal(found["brightness"], every["brightness"][found[CHIP]])
    nothing = proposed(window, (pixels, np.zeros_like(valid)))
    assert {name: array.shape for name, array in nothing.items()} == {CHIP: (0,)}


def test_a_labeller_needs_no_network_and_is_given_few_chips_at_once() -> None:
    @dataclass
    class Label:
        core_px: int = BRIGHTNESS.core_px
        halo_px: int = BRIGHTNESS.halo_px
        most: int = 0

        def label(self, arrays: Arrays, /) -> Labels:
            self.most = max(self.most, len(arrays["brightness"]))
            return BRIGHTNESS.label(arrays)

    window, scene = Window(0, 0, 80, 80), painted(80, 80, seed=5)
    labeller = Label()
    assert isinstance(labeller, Labeller)
    assert not isinstance(labeller, Segmenter)
    found = label_window(labeller, proposed(window, scene), scene[1], window=window, classes=6)
    assert np.array_equal(found.mask, segment(BRIGHTNESS, scene, window).mask)
    assert 0 < labeller.most < len(proposed(window, scene)[CHIP])


def grey(chips: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(chips[..., 0])


@pytest.mark.parametrize(
    ("propose", "error", "said"),
    [
        (grey, TypeError, "arrays of numbers by name, got ndarray"),
        (lambda _: {}, ValueError, "at least one array, got none"),
        (lambda chips: {"a": [*grey(chips)]}, TypeError, "by name, got list as 'a'"),
        (lambda chips: {"a": grey(chips).astype(object)}, TypeError, "by name, got object as 'a'"),
        (lambda chips: {"a": grey(chips).astype(str)}, TypeError, "by name, got <U"),
        (lambda chips: {1: grey(chips)}, TypeError, "by name, got uint8 as 1"),
        (
            lambda chips: {"a": grey(chips)[:2]},
            ValueError,
            r"first axis of proposals of 3 chips .*'a': \(2, 14",
        ),
        (lambda _: {"a": np.array(1.0)}, ValueError, r"first axis of proposals of 3.*'a': \(\)"),
        (lambda chips: {CHIP: grey(chips)}, ValueError, "give this array another name"),
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
        lambda arrays: {"b": arrays["brightness"]},
        lambda arrays: {"brightness": arrays["brightness"].astype(np.int16)},
        lambda arrays: {"brightness": arrays["brightness"][:, :3]},
    ],
    ids=["name", "dtype", "axes"],
)
def test_calls_that_do_not_go_together_are_named(other: Callable[[Arrays], Arrays]) -> None:
    class Fickle(Watched):
        def propose(self, chips: np.ndarray, /) -> Arrays:
            found = super().propose(chips)
            return found if len(self.calls) == 1 else other(found)

    scene = painted(16, 16, seed=1)[0], np.ones((16, 16), bool)
    with pytest.raises(ValueError, match=r"every call have the same dtypes and axes: first .*, then "):
        segment(Fickle(BRIGHTNESS), scene, Window(0, 0, 16, 16))


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (lambda ids, score, margin: (ids + 1, score, margin), r"class ids are 0\.\.6, got 7"),
        (lambda ids, score, margin: (ids, score, margin[:, 1:]), r"margins are .*got .*\(1, 13, 14\)"),
        (lambda ids, score, _: (ids, score), "class ids, scores and margins are"),
        (lambda ids, score, margin: (ids, score.astype(np.int16), margin), "'uint8'.* got .*'int16'"),
    ],
)
def test_a_broken_promise_of_label_is_named(label: Callable[..., Any], said: str) -> None:
    class Broken(Watched):
        def label(self, arrays: Arrays, /) -> Any:  # noqa: ANN401 - what should be labels
            return label(*super().label(arrays))

    white = np.full((8, 8, 3), 255, np.uint8), np.ones((8, 8), bool)
    with pytest.raises(ValueError, match=said):
        segment(Broken(BRIGHTNESS), white, Window(0, 0, 8, 8))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda found: found.pop(CHIP), r"say by 'chip' which chips they are of, got \['brightness'\]"),
        (lambda found: found.pop("brightness"), "proposals of 4 chips are at least one array, got none"),
        (lambda found: found.update(chip=found[CHIP][::-1]), "the window's 4 chips, ascending, got .3 2 1 0"),
        (lambda found: found.update(chip=found[CHIP] + 1), "the window's 4 chips, ascending, got .1 2 3 4"),
        (lambda found: found.update(chip=found[CHIP] * 1.0), "the window's 4 chips, ascending"),
        (lambda found: found.update(chip=found[CHIP][:3]), r"of 3 chips is the chip.*'brightness': \(4,"),
        (
            lambda found: found.update(chip=found[CHIP][:3], brightness=found["brightness"][:3]),
            r"valid pixels of Window.* lie in chips that nothing is proposed for",
        ),
    ],
)
def test_proposals_of_another_window_are_named(
    change: Callable[[dict[str, np.ndarray]], Any], said: str
) -> None:
    window = Window(0, 0, 16, 16)
    scene = painted(16, 16, seed=1)[0], np.ones((16, 16), bool)
    found = proposed(window, scene)
    change(found)
    with pytest.raises(ValueError, match=said):
        label_window(BRIGHTNESS, found, scene[1], window=window, classes=6)
    with pytest.raises(
        ValueError, match=r"valid pixels of Window.* are an array of \(16, 16\), got \(22, 22\)"
    ):
        label_window(BRIGHTNESS, proposed(window, scene), np.ones((22, 22), bool), window=window, classes=6)


@pytest.mark.parametrize(
    ("name", "array", "said"),
    [
        ("score", np.zeros((4, 4), np.uint8), "mask and score .* have no data at the same pixels"),
        ("margin", np.zeros((4, 4), np.uint8), "mask and margin .* have no data at the same pixels"),
        ("margin", np.full((4, 5), 255, np.uint8), "margin"),
        ("mask", np.full((4, 4), 255, np.int16), "mask"),
    ],
)
def test_labels_of_a_window_go_together(name: str, array: np.ndarray, said: str) -> None:
    nodata = {each: np.full((4, 4), 255, np.uint8) for each in ("mask", "score", "margin")}
    with pytest.raises((ValueError, TypeError), match=said):  # the latter by the run-time checks of tests
        WindowLabels(**{**nodata, name: array})
