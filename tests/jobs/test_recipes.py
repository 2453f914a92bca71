"""Sets of a recipe: by pattern in memory, as published read when drawn, and the same pixels either way."""

from pathlib import Path

import numpy as np
import pytest

from jobs.recipes import labelled_sets, validation_sets
from mrovseg.data import Augmentation, LabelledFile, LabelledSet, draw_chip
from mrovseg.definition import Definition
from mrovseg.errors import DataError
from tests.mrovseg.test_layout import read, write_panoptic

ROOT = {"definition": "coco-panoptic", "root": "coco", "split": "val", "share": 2}


def test_a_published_set_is_read_as_it_is_drawn(tmp_path: Path) -> None:
    write_panoptic(tmp_path / "coco")
    (lazy,) = labelled_sets([ROOT], tmp_path)
    assert lazy.share == 2.0
    assert all(isinstance(image, LabelledFile) for image in lazy.images)
    eager = read("coco-panoptic", tmp_path / "coco", "val")
    for one, other in zip(lazy.images, eager, strict=True):
        assert np.array_equal(one.load().labels, other.labels)
        assert np.array_equal(one.load().pixels, other.pixels)


def test_chips_of_files_are_those_of_the_images_in_them(tmp_path: Path) -> None:
    write_panoptic(tmp_path / "coco")
    (lazy,) = labelled_sets([ROOT], tmp_path)
    eager = LabelledSet(lazy.vocabulary, read("coco-panoptic", tmp_path / "coco", "val"))
    for seed in range(4):
        chips = [
            draw_chip(
                [one], side_px=8, rng=np.random.default_rng(seed), augmentation=Augmentation(zoom=(1.0, 1.0))
            )
            for one in (lazy, eager)
        ]
        assert all(np.array_equal(a, b) for a, b in zip(*chips, strict=True))


def test_a_published_set_validates_on_its_own_split(tmp_path: Path) -> None:
    write_panoptic(tmp_path / "coco")
    about = {"every": 1, "sets": [{"definition": "coco-panoptic", "root": "coco"}]}
    (found,) = validation_sets(about, tmp_path)
    assert found.definition == "coco-panoptic"
    assert len(found.scenes) == 2


def test_a_root_without_the_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="val2017"):
        list(labelled_sets([ROOT], tmp_path))


@pytest.mark.parametrize("word", ["house", "lake", "highway", "plants", "sand"])
def test_words_kept_to_measure_unseen_ones_are_in_no_training_text(word: str) -> None:
    """Words that the model card gives scores of as never trained."""
    for name in ("dubai", "epfl-roads", "oam-buildings", "land-cover", "painted", "aid"):
        definition = Definition.named(name)
        for vocabulary in (definition.vocabulary, definition.rest):
            phrases = [p for prompts in (vocabulary.prompts if vocabulary else ()) for p in prompts]
            assert not [phrase for phrase in phrases if word in phrase]
