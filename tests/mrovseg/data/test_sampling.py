"""Chips and small images, drawn from labelled images: the same by the same generator, labels on their pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrovseg.data.labelled import IGNORE, LabelledImage, LabelledSet
from mrovseg.data.sampling import Augmentation, crop, sample_chip, sample_words
from mrovseg.data.training_data import WordSet
from mrovseg.words.vocabulary import parse
from tests.mrovseg.data.test_labelled import image


def reflected(pixels: np.ndarray, *, side_px: int) -> np.ndarray:
    """numpy's own reflection below and right of an image."""
    beyond = [(0, max(0, side_px - length)) for length in pixels.shape[:2]]
    return np.pad(pixels, [*beyond, (0, 0)], mode="symmetric")


def test_a_crop_beyond_the_image_is_reflected() -> None:
    pixels, labels = crop(image(), side_px=50, rng=np.random.default_rng(0))
    assert (labels[40:] == IGNORE).all()
    assert np.array_equal(pixels[:40, :, 0], labels[:40] * 50)
    assert np.array_equal(pixels, reflected(pixels[:40], side_px=50))


@given(seed=st.integers(0, 200), side_px=st.integers(10, 70))
def test_a_crop_may_hang_over_the_lower_right_corner(seed: int, side_px: int) -> None:
    one = image()
    pixels, labels = crop(one, side_px=side_px, rng=np.random.default_rng(seed), overhang=1.0)
    rows, cols = (int((labels != IGNORE).any(axis=axis).sum()) for axis in (1, 0))
    assert min(rows, cols) >= 1
    assert rows <= side_px
    whole = reflected(one.pixels, side_px=140)
    top, left = one.labels.shape[0] - rows, one.labels.shape[1] - cols
    assert np.array_equal(pixels, whole[top : top + side_px, left : left + side_px])
    height, width = one.labels.shape
    np.testing.assert_array_equal(labels[:rows, :cols], one.labels[height - rows :, width - cols :])


def test_a_chip_is_the_same_for_the_same_generator_and_keeps_labels_on_their_pixels() -> None:
    sets = [
        LabelledSet(parse("a; b; c; d"), [image()]),
        LabelledSet(parse("a"), [image(90, 90)], sampling_weight=3.0),
    ]
    plain = Augmentation(zoom=(1.0, 1.0), brightness=0.0, contrast=0.0, colour=0.0, blur=0.0)
    drawn = [
        sample_chip(sets, side_px=32, rng=np.random.default_rng(i % 9), augmentation=plain) for i in range(18)
    ]
    for (which, pixels, labels), again in zip(drawn[:9], drawn[9:], strict=True):
        assert which == again[0]
        assert np.array_equal(pixels, again[1])
        assert np.array_equal(labels, again[2])
        seen = labels != IGNORE
        assert np.array_equal(pixels[..., 0][seen], labels[seen] * 50)
    assert {which for which, _, _ in drawn} == {0, 1}


@given(seed=st.integers(0, 50), dtype=st.sampled_from([np.uint8, np.uint16]))
def test_labels_of_many_classes_are_drawn_as_those_of_few(seed: int, dtype: type) -> None:
    """What is unlabelled is the largest number of a set's own labels, and one number in training."""
    few = image()
    unlabelled = few.labels == 3
    labels: np.ndarray = np.where(unlabelled, np.iinfo(dtype).max, few.labels.astype(dtype))
    drawn = [
        sample_chip(
            [LabelledSet(parse("a; b; c; d"), [one])],
            side_px=24,
            rng=np.random.default_rng(seed),
            augmentation=Augmentation(),
        )[2]
        for one in (few, LabelledImage("same", few.pixels, labels))
    ]
    assert drawn[1].dtype == np.uint16
    np.testing.assert_array_equal(drawn[1], np.where(drawn[0] == 3, IGNORE, drawn[0]))


@pytest.mark.parametrize("upright", [True, False])
def test_chips_of_upright_sets_are_not_turned(*, upright: bool) -> None:
    """Rows brighten downwards: a turned chip brightens elsewhere, a mirrored one does not."""
    rows = np.repeat(np.arange(64, dtype=np.uint8)[:, None], 64, axis=1)
    one = LabelledImage("rows", np.stack([rows] * 3, axis=-1), np.ones((64, 64), np.uint8))
    plain = Augmentation(zoom=(1.0, 1.0), brightness=0.0, contrast=0.0, colour=0.0, blur=0.0, overhang=0.0)
    sets = [LabelledSet(parse("a"), [one], upright=upright)]
    falls = set()
    for seed in range(20):
        _, pixels, _ = sample_chip(sets, side_px=32, rng=np.random.default_rng(seed), augmentation=plain)
        grey = pixels[..., 0].astype(int)
        falls.add((np.sign(grey[-1, 0] - grey[0, 0]), np.sign(grey[0, -1] - grey[0, 0])))
    assert falls == ({(1, 0)} if upright else {(1, 0), (-1, 0), (0, 1), (0, -1)})


def test_chips_and_words_are_drawn_from_arrays_that_nobody_may_write() -> None:
    """As workers have them: all of a machine share one memory."""
    one = image()
    one.pixels.setflags(write=False)
    one.labels.setflags(write=False)
    words = WordSet(parse("a"), [one.pixels], [0])
    for seed in range(9):
        rng, varied = np.random.default_rng(seed), Augmentation(blur=0.5, overhang=0.5)
        _, pixels, labels = sample_chip(
            [LabelledSet(parse("a; b; c; d"), [one])], side_px=32, rng=rng, augmentation=varied
        )
        small, _ = sample_words(words, side_px=16, count=2, rng=rng, augmentation=varied)
        assert (pixels.shape, labels.shape, small.shape) == ((32, 32, 3), (32, 32), (2, 16, 16, 3))
    assert np.array_equal(one.pixels, image().pixels)
