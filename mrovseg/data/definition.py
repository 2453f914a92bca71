"""Definitions of data sets: their classes, the values of their masks, and where their files are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np
import yaml
from jaxtyping import Integer, UInt

from mrovseg.data.layout import Layout
from mrovseg.errors import DataError
from mrovseg.words.vocabulary import Vocabulary

UINT8_CLASSES = 254  # the most whose ids fit in 8 bits beside `other` and unlabelled


@dataclass(frozen=True, slots=True)
class Definition:
    """How a data set is laid out and labelled: one short YAML file in `mrovseg/data/datasets`.

    `values` maps what stands in a mask (a colour "#RRGGBB" as a number where `coloured`, else a level of up to 16
    bits) to a class id, `above` a grey level to the class of all levels above it; all else is `otherwise`: unlabelled
    (255, or 65535 for more than 254 classes) or 0 (none of the classes, so something of the `rest`). `background` is
    the class that a pixel of no class counts as, or 0. Sets of whole images have a folder a class. Images of an
    `upright` set have an up, and are not turned in training. `layouts` tells for each split where its files lie.
    """

    name: str
    vocabulary: Vocabulary
    values: Mapping[int, int]
    above: Mapping[int, int]
    otherwise: int
    coloured: bool = False
    background: int = 0
    folders: tuple[str, ...] = ()
    rest: Vocabulary | None = None
    upright: bool = False
    layouts: Mapping[str, Layout] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that what is no class is either unlabelled or none of the classes."""
        unlabelled = int(np.iinfo(self.dtype).max)
        if self.otherwise not in (0, unlabelled):
            raise DataError(f"otherwise of {self.name} must be 0 or {unlabelled}, got {self.otherwise}")

    @classmethod
    def named(cls, name: str) -> "Definition":
        """Load an embedded definition. Raises DataError for a name that is not there."""
        files = embedded_files()
        if name not in files:
            raise DataError(f"no data set definition {name!r}; there are: {', '.join(sorted(files))}")
        return cls.from_dict(name, yaml.safe_load(files[name].read_text()))

    @classmethod
    def from_dict(cls, name: str, about: Mapping[str, Any]) -> "Definition":
        """Make a definition of what its file says. Raises DataError when a value stands for two classes."""
        classes = _classes(about["classes"], first=about.get("first", 0))
        by_value = [(c["value"], i) for i, c in enumerate(classes.values(), start=1) if "value" in c]
        values = {_packed(value): i for value, i in by_value}
        if len(values) < len(by_value):
            raise DataError(f"a value of {name} stands for two classes")
        vocabulary = _vocabulary(classes)
        return cls(
            name,
            vocabulary,
            values=values,
            above={int(c["above"]): i for i, c in enumerate(classes.values(), start=1) if "above" in c},
            otherwise=about["otherwise"] if "otherwise" in about else int(np.iinfo(_dtype(vocabulary)).max),
            coloured=any(isinstance(value, str) for value, _ in by_value),
            background=vocabulary.names.index(about["background"]) + 1 if "background" in about else 0,
            folders=tuple(c["folder"] for c in classes.values() if "folder" in c),
            rest=_vocabulary(_classes(about["rest"])) if "rest" in about else None,
            upright=about.get("upright", False),
            layouts={split: _layout(paths) for split, paths in about.get("layout", {}).items()},
        )

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger[Any]]:
        """The dtype of labels: uint8 up to 254 classes, else uint16; its maximum is unlabelled."""
        return _dtype(self.vocabulary)

    @property
    def panoptic(self) -> bool:
        """Whether masks hold numbers of segments, whose categories the values are."""
        return any(layout.segments is not None for layout in self.layouts.values())

    def layout(self, split: str) -> Layout:
        """Return the layout of a split. Raises DataError for one that is not there."""
        if split not in self.layouts:
            known = ", ".join(self.layouts) or "none: give the images and masks themselves"
            raise DataError(f"no split {split!r} in the layout of {self.name}; there are: {known}")
        return self.layouts[split]

    def labels_of(self, mask: Integer[np.ndarray, "y x *c"]) -> UInt[np.ndarray, "y x"]:
        """Translate a mask image, levels or (red, green, blue), to class ids of `dtype`."""
        if mask.ndim == 3:  # noqa: PLR2004 -- rows, columns, channels
            packed = mask.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)
        else:
            packed = mask.astype(np.int32)
        labels = np.full(packed.shape, self.otherwise, self.dtype)
        if self.values:
            values, ids = (np.array(column) for column in zip(*sorted(self.values.items()), strict=True))
            index = np.searchsorted(values, packed).clip(max=len(values) - 1)
            labels = np.where(values[index] == packed, ids[index].astype(self.dtype), labels)
        for level, class_id in self.above.items():
            labels[packed > level] = class_id
        return labels


def embedded_files() -> dict[str, Traversable]:
    """Return the files of the embedded definitions by name, from all folders of `mrovseg/data/datasets`."""
    folders = (resources.files("mrovseg.data") / "datasets").iterdir()
    files = [file for folder in folders if folder.is_dir() for file in folder.iterdir()]
    return {file.name.removesuffix(".yaml"): file for file in files if file.name.endswith(".yaml")}


def _classes(about: Any, first: int = 0) -> dict[str, dict[str, Any]]:  # noqa: ANN401 -- as the file has it
    """Spell out the short forms of classes.

    In a list a class is "name, synonym" or {name: "prompt, synonym"}, and the values count up from `first`. In a
    mapping, what stands behind a name is its value, where it has no other prompt, or all of its properties.
    """
    if isinstance(about, list):
        pairs = [(c, c) if isinstance(c, str) else next(iter(c.items())) for c in about]
        named = [(name.split(", ")[0], phrases.split(", ")) for name, phrases in pairs]
        return {name: {"value": i, "prompts": p} for i, (name, p) in enumerate(named, start=first)}
    return {n: c if isinstance(c, dict) else {"value": c, "prompts": [n]} for n, c in about.items()}


def _vocabulary(classes: Mapping[str, Mapping[str, Any]]) -> Vocabulary:
    return Vocabulary(tuple(classes), tuple(tuple(c["prompts"]) for c in classes.values()))


def _layout(paths: Mapping[str, Any]) -> Layout:
    frozen: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in paths.items()}
    return Layout(**frozen)


def _packed(value: str | int) -> int:
    return int(value[1:], 16) if isinstance(value, str) else value


def _dtype(vocabulary: Vocabulary) -> np.dtype[np.unsignedinteger[Any]]:
    return np.dtype(np.uint8 if len(vocabulary.names) <= UINT8_CLASSES else np.uint16)
