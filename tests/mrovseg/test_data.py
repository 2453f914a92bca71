"""Definitions of data sets, and chips drawn from labelled images."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mrovseg.data import (
    Augmentation,
    LabelledImage,
    LabelledSet,
    WordSet,
    crop,
    draw_chip,
    draw_words,
    read_pairs,
)
from mrovseg.definition import Definition
from mrovseg.errors import DataError
from mrovseg.vocabulary import parse


def image(height: int = 40, width: int = 60) -> LabelledImage:
    """Make an image whose colours tell its labels."""
    labels = (np.arange(height)[:, None] // 8 + np.arange(width) // 8).astype(np.uint8) % 5
    return LabelledImage("image", np.stack([labels * 50] * 3, axis=-1).astype(np.uint8), labels)


def test_colours_are_class_ids() -> None:
    dubai = Definition.named("dubai")
    mask = np.array([[[0x3C, 0x10, 0x98], [0xE2, 0xA9, 0x29], [0x9B, 0x9B, 0x9B]]], np.uint8)
    assert dubai.labels_of(mask).tolist() == [[1, 5, 255]]
    assert dubai.vocabulary.names[0] == "building"


def test_blended_edges_are_road_above_the_middle_level() -> None:
    mask = np.array([[0, 127, 128, 200, 255]], np.uint8)
    assert Definition.named("epfl-roads").labels_of(mask).tolist() == [[0, 0, 1, 1, 1]]


def test_an_unknown_definition_is_named_with_those_there_are() -> None:
    with pytest.raises(DataError, match=r"'nowhere'; there are: .*dubai"):
        Definition.named("nowhere")


def test_pairs_are_read_and_must_fit(tmp_path: Path) -> None:
    one, mask = tmp_path / "one.png", tmp_path / "mask.png"
    Image.fromarray(image().pixels).save(one)
    Image.fromarray(image().labels).save(mask)
    (read,) = read_pairs(Definition.named("land-cover"), [one], [mask])
    assert np.array_equal(read.pixels, image().pixels)
    assert np.array_equal(read.labels, np.where(image().labels == 0, 255, image().labels))
    Image.fromarray(image(height=39).labels).save(mask)
    with pytest.raises(DataError, match=r"mask\.png is \(39, 60\)"):
        list(read_pairs(Definition.named("land-cover"), [one], [mask]))


def test_training_refuses_more_classes_than_its_labels_hold() -> None:
    with pytest.raises(DataError, match="up to 254 classes, got 255"):
        LabelledSet(parse("; ".join(f"class {i}" for i in range(255))), [image()])


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
