from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.geometry.chips import FILL, ChipLayout, cover
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.window import Window
from pipeline.segment import Labels, Segmenter, WindowLabels, WindowSegmenter, class_dtype
from pipeline.testing.brightness import BrightnessSegmenter


class Watched:
    """A real segmenter that keeps a note of its calls."""

    def __init__(self, inner: BrightnessSegmenter) -> None:
        self.inner = inner
        self.core_px, self.halo_px, self.chips_per_call = inner.core_px, inner.halo_px, inner.chips_per_call
        self.calls: list[np.ndarray] = []

    def propose(self, chips: np.ndarray, /) -> np.ndarray:
        self.calls.append(chips.copy())
        return self.inner.propose(chips)

    def label(self, proposals: np.ndarray, /) -> Labels:
        return self.inner.label(proposals)


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


def segment(segmenter: Segmenter, scene: tuple[np.ndarray, np.ndarray], window: Window) -> WindowLabels:
    layout = ChipLayout(core_px=segmenter.core_px, halo_px=segmenter.halo_px)
    return WindowSegmenter(segmenter)(*read(scene, cover(window, layout)), window=window)


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
        def label(self, proposals: np.ndarray, /) -> Labels:
            ids, score, margin = super().label(proposals)
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
    window = Window(0, 0, 8, 8)
    pixels, valid = read(painted(8, 8, seed=3), cover(window, ChipLayout(core_px=8, halo_px=3)))
    mask = WindowSegmenter(segmenter, dtype=class_dtype(300))(pixels, valid, window=window).mask
    assert mask.dtype == np.uint16
    assert (mask == 65535).any()


def test_a_segmenter_of_another_dtype_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected|are \[\('uint8'.*got \[\('uint16'"):
        segment(replace(BRIGHTNESS, n_classes=300), painted(8, 8, seed=3), Window(0, 0, 8, 8))
