"""Definitions of data sets, and labelled images by them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mrovseg.data.definition import Definition
from mrovseg.data.labelled import LabelledImage, LabelledSet
from mrovseg.data.reading import read_pairs
from mrovseg.data.training_data import TrainingData, WordSet
from mrovseg.errors import DataError
from mrovseg.words.vocabulary import parse
from tests.mrovseg.pictures import PILLOW


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
    (read,) = read_pairs(Definition.named("land-cover"), [one], [mask], reader=PILLOW)
    assert np.array_equal(read.pixels, image().pixels)
    assert np.array_equal(read.labels, np.where(image().labels == 0, 255, image().labels))
    Image.fromarray(image(height=39).labels).save(mask)
    with pytest.raises(DataError, match=r"mask\.png is \(39, 60\)"):
        list(read_pairs(Definition.named("land-cover"), [one], [mask], reader=PILLOW))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_withheld_class_is_as_if_nobody_had_labelled_it(dtype: type) -> None:
    unlabelled = np.iinfo(dtype).max
    labels: np.ndarray = np.array([[0, 1, 2, 3, unlabelled]], dtype)
    one = LabelledImage("one", np.zeros((1, 5, 3), np.uint8), labels)
    whole = LabelledSet(parse("roof, house; water, lake; tree"), [one], 2.0, parse("sand; pool"))
    kept = whole.without(["water"])
    assert kept.vocabulary == parse("roof, house; tree")
    assert (kept.sampling_weight, kept.rest) == (2.0, whole.rest)
    (image,) = kept.images
    assert image.load().labels.tolist() == [[0, 1, unlabelled, 2, unlabelled]]
    assert image.load().labels.dtype == dtype
    assert image.sampling_weight == one.sampling_weight
    assert whole.without(["cloud"]) is whole


def test_what_is_taught_are_the_phrases_of_classes_with_masks() -> None:
    sets = [
        LabelledSet(parse("roof, house; water"), [image()]),
        LabelledSet(parse("road"), [image()], 1.0, parse("land; tree")),
    ]
    data = TrainingData(sets, WordSet(parse("airport; water"), [], []))
    assert data.taught == ["house", "road", "roof", "water"]
    assert data.phrases == ["airport", "house", "land", "road", "roof", "tree", "water"]
    withheld = TrainingData([one.without(["water"]) for one in sets], data.words)
    assert withheld.taught == ["house", "road", "roof"]
    assert "water" in withheld.phrases  # whole images are still compared with it


def test_a_rest_that_may_show_a_withheld_class_teaches_nothing() -> None:
    one = LabelledImage("one", np.zeros((1, 2, 3), np.uint8), np.array([[0, 1]], np.uint8))
    kept = LabelledSet(parse("road"), [one], 1.0, parse("land; water")).without(["water"])
    assert kept.rest is None
    assert kept.images[0].load().labels.tolist() == [[255, 1]]
    assert "water" not in kept.all_classes.names
