import numpy as np

from pipeline.geometry.window import Window
from pipeline.segment import Segmenter, WindowLabels, segment_window
from pipeline.testing.brightness import BrightnessSegmenter, make_brightness

SEGMENTER = BrightnessSegmenter(chip_px=12, step_px=8, reach_px=2, n_classes=5, stride_px=2)


def segment(grey: np.ndarray) -> WindowLabels:
    """The labels of a scene that has one chip."""
    pixels = np.pad(np.repeat(grey[..., None], 3, axis=2), ((0, 4), (0, 4), (0, 0)), mode="edge")
    valid = np.pad(np.ones((8, 8), bool), ((0, 4), (0, 4)))
    window = Window(0, 0, 8, 8)
    return segment_window(
        SEGMENTER, pixels, valid, window=window, scene_px=(8, 8), chunk_px=16, classes=5, every_pixel=True
    )


def test_it_is_a_segmenter_and_survives_its_weights() -> None:
    segmenter: Segmenter = make_brightness(SEGMENTER.weights())
    assert isinstance(segmenter, Segmenter)
    assert segmenter == SEGMENTER


def test_black_is_other_and_white_the_last_class_which_is_surer() -> None:
    black, white = (segment(np.full((8, 8), value, np.uint8)) for value in (0, 255))
    assert (black.mask == 0).all()
    assert (white.mask == 5).all()
    assert 0 < black.score.max() < white.score.min() == 254
    assert np.array_equal(white.margin, white.score)  # no other class has any weight


def test_the_brightness_of_a_pixel_is_its_class() -> None:
    found = [
        int(np.unique(segment(np.full((8, 8), value, np.uint8)).mask).item()) for value in range(0, 256, 5)
    ]
    assert found == [value * 6 // 256 for value in range(0, 256, 5)]


def test_where_two_classes_meet_neither_leads() -> None:
    between = segment(np.full((8, 8), 128, np.uint8))  # 3 begins
    middle = segment(np.full((8, 8), 149, np.uint8))  # the middle of 3
    assert between.margin.max() < middle.margin.min()


def test_proposals_depend_on_the_whole_chip() -> None:
    chip = np.full((1, 12, 12, 3), 60, np.uint8)
    other = chip.copy()
    other[:, -1] = 255
    one, two = SEGMENTER.propose(chip), SEGMENTER.propose(other)
    assert np.array_equal(one["index"][:, :, 0, 0], two["index"][:, :, 0, 0])
    assert one["weight"][0, :, 0, 0].sum() < two["weight"][0, :, 0, 0].sum()
