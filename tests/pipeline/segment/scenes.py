"""Scenes in memory, and proposers that need no network."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.geometry.chips import FILL, cover
from pipeline.geometry.window import Window
from pipeline.segment import Arrays, Labels, Proposer, WindowProposals, layout_of, propose_window
from pipeline.testing.brightness import BrightnessSegmenter

Scene = tuple[np.ndarray, np.ndarray]
"""Pixels and where they are valid."""

BRIGHTNESS = BrightnessSegmenter(
    chip_px=16, step_px=8, reach_px=4, n_classes=6, stride_px=2, chips_per_call=3
)
CHUNK_PX = 16


def painted(height: int, width: int, seed: int) -> Scene:
    """A scene of random pixels, a third of them in blobs without data."""
    random = np.random.default_rng(seed)
    valid = np.kron(random.random((-(-height // 5), -(-width // 5))) > 0.3, np.ones((5, 5), bool))
    valid = np.ascontiguousarray(valid[:height, :width])
    pixels = random.integers(0, 256, (height, width, 3), np.uint8)
    return np.where(valid[..., None], pixels, np.uint8(FILL)), valid


def read(scene: Scene, window: Window) -> Scene:
    extent = Window(0, 0, *scene[1].shape)
    pixels, valid = np.full((*window.shape, 3), FILL, np.uint8), np.zeros(window.shape, bool)
    inside = window.intersection(extent)
    if inside is not None:
        pixels[inside.slices_in(window)] = scene[0][inside.slices_in(extent)]
        valid[inside.slices_in(window)] = scene[1][inside.slices_in(extent)]
    return pixels, valid


def proposed(
    proposer: Proposer, scene: Scene, window: Window, *, chunk_px: int = CHUNK_PX
) -> WindowProposals:
    scene_px = scene[1].shape[0], scene[1].shape[1]
    seen = read(scene, cover(window, layout_of(proposer), scene_px=scene_px))
    return propose_window(proposer, *seen, window=window, scene_px=scene_px, chunk_px=chunk_px)


class Watched:
    """A real segmenter that keeps a note of its calls."""

    def __init__(self, inner: BrightnessSegmenter) -> None:
        self.inner = inner
        self.chip_px, self.step_px, self.chips_per_call = inner.chip_px, inner.step_px, inner.chips_per_call
        self.stride_px = inner.stride_px
        self.calls: list[np.ndarray] = []

    def propose(self, chips: np.ndarray, /) -> Arrays:
        self.calls.append(chips.copy())
        return self.inner.propose(chips)

    def label(self, arrays: Arrays, /, *, size_px: tuple[int, int], every_pixel: bool) -> Labels:
        return self.inner.label(arrays, size_px=size_px, every_pixel=every_pixel)


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Proposes what nobody can guess: numbers drawn anew for every chip, with its bytes as the seed.

    Weights are few, so that many are equal.
    """

    chip_px: int
    step_px: int
    stride_px: int
    chips_per_call: int = 1
    names: tuple[str, ...] = ("embeddings", "index", "weight", "features")
    queries: int = 7

    def propose(self, chips: np.ndarray, /) -> Mapping[str, np.ndarray]:
        drawn = [self.of_chip(chip) for chip in chips]
        return {name: np.stack([each[name] for each in drawn]) for name in self.names}

    def of_chip(self, chip: np.ndarray) -> dict[str, np.ndarray]:
        random = np.random.default_rng(zlib.crc32(chip.tobytes()))
        places = self.chip_px // self.stride_px
        patches = places if places % 2 else places // 2
        return {
            "embeddings": random.normal(size=(self.queries, 5)).astype(np.float32),
            "index": np.argsort(random.random((self.queries, places, places)), axis=0)[:3].astype(np.uint8),
            "weight": random.choice(np.array([0, 8, 60, 200, 255], np.uint8), (3, places, places)),
            "features": random.normal(size=(5, patches, patches)).astype(np.float32),
        }
