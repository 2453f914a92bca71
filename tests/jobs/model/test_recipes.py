"""Sets of a recipe: by pattern in memory, as published read when drawn, and the same pixels either way."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jobs.model.recipes import labelled_sets, read_inputs, read_recipe, validation_sets
from mrovseg.data.definition import Definition
from mrovseg.data.reading import LabelledFile
from mrovseg.data.sampling import Augmentation, sample_chip
from mrovseg.errors import DataError
from mrovseg.training.train import Recipe
from pipeline import raster
from pipeline.errors import ConfigError, RasterError
from pipeline.geometry.window import Window
from pipeline.testing.painted import LAND_COVER, paint
from tests.mrovseg.data.test_layout import read, write_panoptic

ROOT = {"definition": "coco-panoptic", "root": "coco", "split": "val", "share": 2}


@pytest.mark.parametrize("name", ["ablation", "coco-stuff", "tiny"])
def test_an_embedded_recipe_can_be_followed(name: str) -> None:
    plan = read_recipe(name)
    assert Recipe.from_dict(plan["training"]).masks.steps > 0
    for part in (*plan["sets"], *plan["validation"]["sets"]):
        assert Definition.named(part["definition"]).vocabulary.names


def test_a_recipe_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(DataError, match=r"no recipe 'nowhere'.* ablation, coco-stuff, tiny$"):
        read_recipe("nowhere")


def test_a_recipe_of_a_user_says_what_is_wrong_and_knows_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/of/mine")
    file = tmp_path / "own.yaml"
    file.write_text(
        "training: {rate: 1e-3, seed: null}\nsets: [{definition: dubai, images: [~/a.jpg], root: no}]"
    )
    plan = read_recipe(str(file))
    assert plan["training"] == {"rate": 0.001}
    assert plan["sets"] == [{"definition": "dubai", "images": ["/home/of/mine/a.jpg"], "root": "no"}]
    for text, named in (
        ("sets: []\nsets: []", "sets 2 times"),
        ("[", "cannot read"),
        ("", "keys and values"),
    ):
        file.write_text(text)
        with pytest.raises((ConfigError, DataError), match=named):
            read_recipe(str(file))


def test_a_published_set_is_read_as_it_is_drawn(tmp_path: Path) -> None:
    write_panoptic(tmp_path / "coco")
    (lazy,) = labelled_sets([ROOT], tmp_path)
    assert lazy.sampling_weight == 2.0
    assert all(isinstance(image, LabelledFile) for image in lazy.images)
    eager = read("coco-panoptic", tmp_path / "coco", "val")
    for one, other in zip(lazy.images, eager, strict=True):
        assert np.array_equal(one.load().labels, other.labels)
        assert np.array_equal(one.load().pixels, other.pixels)


def test_chips_of_files_are_those_of_the_images_in_them(tmp_path: Path) -> None:
    write_panoptic(tmp_path / "coco")
    (lazy,) = labelled_sets([ROOT], tmp_path)
    eager = dataclasses.replace(lazy, images=read("coco-panoptic", tmp_path / "coco", "val"))
    assert lazy.upright
    for seed in range(4):
        chips = [
            sample_chip(
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


def test_classes_are_withheld_from_every_set(tmp_path: Path) -> None:
    plan = {"sets": [], "painted": {"seeds": 1, "side_px": 64, "shares": {"land-cover": 1, "painted": 1}}}
    inputs = read_inputs(plan, tmp_path, source=None, withhold=["water", "pool"])
    five, ten = inputs.training.sets
    assert five.vocabulary.names == ("building", "land", "road", "vegetation")
    assert len(ten.vocabulary.names) == 8
    assert not {"water", "sea", "swimming pool"} & set(inputs.training.phrases)
    with pytest.raises(
        DataError, match=r"no set has a class 'lava' to withhold; there are: bare ground, .*water"
    ):
        read_inputs(plan, tmp_path, source=None, withhold=["lava"])


def test_a_set_of_withheld_classes_alone_is_left_out(tmp_path: Path) -> None:
    write_scene(tmp_path, height=64, width=64)
    roads = {"definition": "epfl-roads", "share": 1, "scenes": ["scene.tif"], "labels": ["labels.tif"]}
    plan = {"sets": [roads], "painted": {"seeds": 1, "side_px": 64, "shares": {"land-cover": 1}}}
    (only,) = read_inputs(plan, tmp_path, source=None, withhold=["road"]).training.sets
    assert only.vocabulary.names == ("building", "land", "vegetation", "water")


def test_a_root_without_the_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="val2017"):
        list(labelled_sets([ROOT], tmp_path))


def write_scene(folder: Path, *, height: int, width: int) -> None:
    """Write a scene with its labels 1..5 and a nodata corner, and the same labels one column short."""
    pixels, truth = paint(Window(0, 0, height, width), seed=3)
    pixels[:10, :10] = 0
    truth = LAND_COVER[truth].astype(np.uint16)
    for name, array, nodata in (("scene", pixels, 0.0), ("labels", truth[..., None], None)):
        with raster.create(
            str(folder / f"{name}.tif"),
            height=height,
            width=width,
            bands=array.shape[2],
            crs="EPSG:32633",
            transform=(0.5, 0.0, 0.0, 0.0, -0.5, 0.0),
            dtype=array.dtype.name,
            nodata=nodata,
        ) as target:
            target.write(array, Window(0, 0, height, width))


def test_a_scene_is_read_window_by_window_with_its_labels(tmp_path: Path) -> None:
    write_scene(tmp_path, height=300, width=2500)
    about = {"definition": "land-cover", "share": 1, "scenes": ["scene.tif"], "labels": ["labels.tif"]}
    (found,) = labelled_sets([about], tmp_path)
    assert [one.sampling_weight for one in found.images] == [300 * 2048, 300 * 452]
    _, truth = paint(Window(0, 0, 300, 2500), seed=3)
    expected = LAND_COVER[truth]
    first, last = (one.load() for one in found.images)
    assert (first.labels[:10, :10] == 255).all()
    known = first.labels != 255
    assert known.mean() > 0.9
    assert np.array_equal(first.labels[known], expected[:, :2048][known])
    assert last.pixels.shape == (300, 452, 3)
    assert first.labels.dtype == np.uint8


def test_scenes_and_labels_that_do_not_fit_are_named(tmp_path: Path) -> None:
    write_scene(tmp_path, height=64, width=64)
    about = {"definition": "land-cover", "share": 1, "scenes": ["scene.tif"], "labels": ["*.tif"]}
    with pytest.raises(DataError, match="got 1 scenes and 2"):
        list(labelled_sets([about], tmp_path))
    Image.new("L", (64, 63)).save(tmp_path / "short.png")
    with pytest.raises(DataError, match=r"short.png is \(63, 64\) px.*is \(64, 64\) px"):
        list(labelled_sets([about | {"labels": ["short.png"]}], tmp_path))


def test_labels_are_whole_numbers(tmp_path: Path) -> None:
    write_scene(tmp_path, height=64, width=64)
    Image.fromarray(np.zeros((64, 64), np.float32)).save(tmp_path / "float.tif")
    about = {"definition": "land-cover", "share": 1, "scenes": ["scene.tif"], "labels": ["float.tif"]}
    (found,) = labelled_sets([about], tmp_path)
    with pytest.raises(RasterError, match=r"whole numbers.*float32"):
        found.images[0].load()


@pytest.mark.parametrize("word", ["house", "lake", "highway", "plants", "sand"])
def test_words_kept_to_measure_unseen_ones_are_in_no_training_text(word: str) -> None:
    """Words that the model card gives scores of as never trained."""
    for name in ("dubai", "epfl-roads", "oam-buildings", "land-cover", "painted", "aid"):
        definition = Definition.named(name)
        for vocabulary in (definition.vocabulary, definition.rest):
            phrases = [p for prompts in (vocabulary.prompts if vocabulary else ()) for p in prompts]
            assert not [phrase for phrase in phrases if word in phrase]
