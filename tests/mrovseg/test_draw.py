"""Chips and small images, drawn from labelled images: the same by the same generator, labels on their pixels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mrovseg.data import LabelledSet, WordSet
from mrovseg.draw import Augmentation, crop, draw_chip, draw_words
from mrovseg.vocabulary import parse
from tests.mrovseg.test_data import image


def test_a_crop_beyond_the_image_is_filled() -> None:
    pixels, labels = crop(image(), side_px=50, rng=np.random.default_rng(0))
    assert (pixels[40:] == 127).all()
    assert (labels[40:] == 255).all()
    assert np.array_equal(pixels[:40, :, 0], labels[:40] * 50)


@given(seed=st.integers(0, 200), side_px=st.integers(10, 70))
def test_a_crop_may_hang_over_the_lower_right_corner(seed: int, side_px: int) -> None:
    one = image()
    pixels, labels = crop(one, side_px=side_px, rng=np.random.default_rng(seed), overhang=1.0)
    rows, cols = (int((labels != 255).any(axis=axis).sum()) for axis in (1, 0))
    assert min(rows, cols) >= 1
    assert rows <= side_px
    assert (pixels[rows:] == 127).all()
    assert (pixels[:, cols:] == 127).all()
    height, width = one.labels.shape
    np.testing.assert_array_equal(labels[:rows, :cols], one.labels[height - rows :, width - cols :])


def test_a_chip_is_the_same_for_the_same_generator_and_keeps_labels_on_their_pixels() -> None:
    sets = [LabelledSet(parse("a; b; c; d"), [image()]), LabelledSet(parse("a"), [image(90, 90)], share=3.0)]
    plain = Augmentation(zoom=(1.0, 1.0), brightness=0.0, contrast=0.0, colour=0.0, blur=0.0)
    drawn = [
        draw_chip(sets, side_px=32, rng=np.random.default_rng(i % 9), augmentation=plain) for i in range(18)
    ]
    for (which, pixels, labels), again in zip(drawn[:9], drawn[9:], strict=True):
        assert which == again[0]
        assert np.array_equal(pixels, again[1])
        assert np.array_equal(labels, again[2])
        assert np.array_equal(pixels[..., 0], np.where(labels == 255, 127, labels * 50))
    assert {which for which, _, _ in drawn} == {0, 1}


def test_chips_and_words_are_drawn_from_arrays_that_nobody_may_write() -> None:
    """As workers have them: all of a machine share one memory."""
    one = image()
    one.pixels.setflags(write=False)
    one.labels.setflags(write=False)
    words = WordSet(parse("a"), [one.pixels], [0])
    for seed in range(9):
        rng, varied = np.random.default_rng(seed), Augmentation(blur=0.5, overhang=0.5)
        _, pixels, labels = draw_chip(
            [LabelledSet(parse("a; b; c; d"), [one])], side_px=32, rng=rng, augmentation=varied
        )
        small, _ = draw_words(words, side_px=16, count=2, rng=rng, augmentation=varied)
        assert (pixels.shape, labels.shape, small.shape) == ((32, 32, 3), (32, 32), (2, 16, 16, 3))
    assert np.array_equal(one.pixels, image().pixels)
