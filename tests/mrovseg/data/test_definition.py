"""Embedded definitions against the literature, and how masks become labels."""

from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrovseg.data.definition import Definition
from mrovseg.errors import DataError

# Classes, the background among them where the set evaluates one, and where they are counted.
COUNTS = {
    "ade20k-150": (150, "arXiv 1608.05442, the scene parsing benchmark"),
    "ade20k-847": (847, "arXiv 2107.06278, ADE20K-Full"),
    "cityscapes": (19, "arXiv 1604.01685, classes of the evaluation"),
    "coco-panoptic": (133, "arXiv 1801.00868, 80 things and 53 stuff classes"),
    "coco-stuff-171": (171, "arXiv 1612.03716, 80 things and 91 stuff classes"),
    "dubai": (5, "Humans in the Loop, 6 with the unlabelled"),
    "floodnet": (10, "arXiv 2012.02951, background included"),
    "isaid": (16, "arXiv 1905.12886, 15 and the background"),
    "loveda": (7, "arXiv 2110.08733, background included"),
    "openearthmap": (8, "arXiv 2210.10732"),
    "pascal-context-59": (59, "Mottaghi et al. 2014"),
    "pascal-context-459": (459, "Mottaghi et al. 2014"),
    "pascal-voc-20": (20, "Everingham et al. 2010"),
    "pascal-voc-21": (21, "Everingham et al. 2010, 20 and the background"),
    "potsdam": (6, "ISPRS 2D semantic labelling, clutter included"),
    "uavid": (8, "arXiv 1810.10438, clutter included"),
    "udd5": (5, "Chen et al. 2018, other included"),
    "vaihingen": (6, "ISPRS 2D semantic labelling, clutter included"),
    "vdd": (7, "arXiv 2305.13608, other included"),
    "aid": (30, "arXiv 1608.05167"),
    "epfl-roads": (1, "its masks"),
    "oam-buildings": (1, "its masks"),
    "land-cover": (5, "those of dubai"),
    "painted": (10, "its palette"),
}

# fmt: off
PASCAL_CONTEXT_59 = [
    2, 9, 18, 19, 22, 23, 25, 31, 33, 34, 44, 45, 46, 59, 65, 68, 72, 80, 85, 98, 104, 105, 113, 115, 144,
    158, 159, 162, 187, 189, 207, 220, 232, 258, 259, 260, 284, 295, 296, 308, 324, 326, 347, 349, 354, 355,
    360, 366, 368, 397, 415, 416, 420, 424, 427, 440, 445, 454, 458,
]
# fmt: on


def test_every_embedded_definition_is_counted_here() -> None:
    folder = Path(str(resources.files("mrovseg.data"))) / "datasets"
    assert sorted(file.stem for file in folder.rglob("*.yaml")) == sorted(COUNTS)


def test_photographs_are_upright_and_what_is_seen_from_above_is_not() -> None:
    upright = {name for name in COUNTS if Definition.named(name).upright}
    photographs = {name for name in COUNTS if name.startswith(("ade20k", "coco", "pascal", "cityscapes"))}
    assert upright == photographs | {"uavid"}  # whose drones look aslant


@pytest.mark.parametrize("name", COUNTS)
def test_a_definition_has_the_classes_of_the_literature(name: str) -> None:
    definition = Definition.named(name)
    names, prompts = definition.vocabulary.names, definition.vocabulary.prompts
    phrases = [phrase for of_class in prompts for phrase in of_class]
    assert len(names) == COUNTS[name][0]
    assert len(set(names)) == len(names)
    assert len(set(phrases)) == len(phrases)
    assert all(phrase == " ".join(phrase.split()) != "" for phrase in phrases)
    classes = {*definition.values.values(), *definition.above.values()}
    assert definition.folders or classes == set(range(1, len(names) + 1))
    assert len(definition.values) + len(definition.above) + len(definition.folders) == len(names)


def test_the_59_classes_of_pascal_context_have_their_numbers_among_its_459() -> None:
    """The numbers are those of the original masks, from which the preparation picks the 59."""
    many = Definition.named("pascal-context-459")
    numbers = {value + 1: many.vocabulary.names[i - 1] for value, i in many.values.items()}
    few = Definition.named("pascal-context-59").vocabulary.names
    assert [numbers[number] for number in PASCAL_CONTEXT_59] == list(few)


def test_coco_gives_its_classes_the_same_numbers_in_both_sets() -> None:
    """Stuff masks hold the category less one."""
    stuff, panoptic = (Definition.named(name) for name in ("coco-stuff-171", "coco-panoptic"))
    of_stuff = {stuff.vocabulary.names[i - 1]: value + 1 for value, i in stuff.values.items()}
    of_panoptic = {panoptic.vocabulary.names[i - 1]: value for value, i in panoptic.values.items()}
    shared = of_stuff.keys() & of_panoptic.keys()
    assert len(shared) == 80 + 36
    assert all(of_stuff[name] == of_panoptic[name] for name in shared)
    assert sorted(of_panoptic[name] for name in of_panoptic.keys() - shared) == list(range(184, 201))


@pytest.mark.parametrize(
    ("name", "value", "class_name"),
    [
        ("ade20k-150", 1, "wall"),
        ("ade20k-150", 150, "flag"),
        ("ade20k-847", 500, "cat"),
        ("ade20k-847", 846, "adding machine"),
        ("cityscapes", 33, "bicycle"),
        ("coco-panoptic", 200, "rug-merged"),
        ("coco-stuff-171", 0, "person"),
        ("coco-stuff-171", 181, "wood"),
        ("isaid", 0x00649B, "harbor"),
        ("loveda", 7, "agriculture"),
        ("pascal-context-459", 257, "motorbike"),
        ("pascal-voc-21", 20, "tvmonitor"),
        ("uavid", 0x400080, "moving car"),
    ],
)
def test_values_stand_for_their_classes(name: str, value: int, class_name: str) -> None:
    definition = Definition.named(name)
    assert definition.vocabulary.names[definition.values[value] - 1] == class_name


def test_more_than_254_classes_take_16_bits() -> None:
    levels = np.array([[0, 253, 254, 846, 847, 65535]], np.uint16)
    few, many = (Definition.named(name).labels_of(levels) for name in ("pascal-context-59", "ade20k-847"))
    assert few.dtype == np.uint8
    assert few.tolist() == [[1, 255, 255, 255, 255, 255]]
    assert many.dtype == np.uint16
    assert many.tolist() == [[1, 254, 255, 847, 65535, 65535]]


@given(st.dictionaries(st.integers(0, 65535), st.booleans(), min_size=1, max_size=9), st.data())
def test_labels_are_what_a_look_up_of_each_pixel_gives(values: dict[int, bool], data: st.DataObject) -> None:
    classes = {f"class {value}": value for value in values}
    definition = Definition.from_dict("any", {"classes": classes, "otherwise": 0})
    pixels = data.draw(st.lists(st.sampled_from([*values, 0, 1, 65535]), min_size=1, max_size=9))
    ids = {value: i for i, value in enumerate(values, start=1)}
    labels = definition.labels_of(np.array([pixels], np.uint16))
    assert labels.tolist() == [[ids.get(pixel, 0) for pixel in pixels]]


def test_short_and_long_forms_say_the_same() -> None:
    long = {"road": {"value": 1, "prompts": ["road", "street"]}, "sea": {"value": 2, "prompts": ["sea"]}}
    forms: list[dict[str, Any]] = [
        {"classes": long},
        {"classes": {"road": long["road"], "sea": 2}},
        {"classes": ["road, street", "sea"], "first": 1},
        {"classes": [{"road": "road, street"}, "sea"], "first": 1},
    ]
    first, *others = (Definition.from_dict("any", form) for form in forms)
    assert first.otherwise == 255
    assert all(other == first for other in others)


def test_a_value_of_two_classes_is_refused() -> None:
    with pytest.raises(DataError, match="stands for two classes"):
        Definition.from_dict("any", {"classes": {"road": 1, "sea": 1}})


def test_unlabelled_is_the_maximum_of_the_dtype() -> None:
    with pytest.raises(DataError, match="must be 0 or 255, got 65535"):
        Definition.from_dict("any", {"classes": {"road": 1}, "otherwise": 65535})


def test_a_split_that_is_not_there_is_named_with_those_there_are() -> None:
    with pytest.raises(DataError, match=r"no split 'dev' in the layout of vdd; there are: val, test, train"):
        Definition.named("vdd").layout("dev")
    with pytest.raises(DataError, match="give the images and masks themselves"):
        Definition.named("epfl-roads").layout("val")
