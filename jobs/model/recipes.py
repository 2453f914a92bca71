"""Recipes of a training: which files they name, read and painted."""

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from jobs.model.labelled_scenes import labelled_windows
from jobs.model.measuring import PAINTED, SPLIT, grid_of, measure, painted_images, read_scenes
from jobs.model.reading_files import READER
from jobs.run.settings.yaml_values import from_home, read_values
from mrovseg.data.captions import read_captions
from mrovseg.data.definition import Definition
from mrovseg.data.labelled import ImageSource, LabelledImage, LabelledSet
from mrovseg.data.layout import read_segments
from mrovseg.data.reading import LabelledFile, read_pairs, read_words
from mrovseg.data.training_data import TrainingData
from mrovseg.errors import DataError
from mrovseg.training.initial_weights import InitialWeights
from mrovseg.weights import state_dict
from mrovseg.weights.checkpoint import Checkpoint
from pipeline.geometry.window import Window
from pipeline.storage import objects
from pipeline.testing.painted import LAND_COVER, paint

PARTS, MAY_HAVE = {"training", "sets"}, {"painted", "words", "captions", "stem", "validation"}
VALIDATION_KEYS = {"every", "sets", "painted"}


@dataclass(frozen=True, slots=True)
class ValidationSet:
    """Scenes that no training sees, and the name of their definition."""

    definition: str
    scenes: Sequence[ImageSource]


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that the workers need of the recipe's files, and what was painted."""

    training: TrainingData
    beginning: InitialWeights
    validation: Sequence[ValidationSet]


def read_recipe(name_or_path: str) -> dict[str, Any]:
    """Read a recipe. Raises DataError when there is none, or a part is missing, ConfigError when it is no YAML."""
    folder = resources.files("mrovseg.training") / "recipes"
    embedded = folder / f"{name_or_path}.yaml"
    file = embedded if embedded.is_file() else Path(name_or_path)
    if not file.is_file():
        names = ", ".join(sorted(Path(each.name).stem for each in folder.iterdir()))
        raise DataError(f"no recipe {name_or_path!r}: give a YAML file, or an embedded one: {names}")
    with resources.as_file(file) as readable:
        plan: dict[str, Any] = from_home(read_values(readable))
    if not isinstance(plan, dict):
        raise DataError(f"the recipe {file} must hold keys and values, got {type(plan).__name__}")
    if not PARTS <= set(plan) <= PARTS | MAY_HAVE:
        raise DataError(
            f"a recipe has the parts {', '.join(sorted(PARTS))}, and may have {', '.join(sorted(MAY_HAVE))}; {file} "
            f"has {', '.join(sorted(plan))}"
        )
    if "validation" in plan:
        _check_validation(plan["validation"], str(file))
    return plan


def read_inputs(
    plan: Mapping[str, Any], folder: Path, *, source: Checkpoint | None, withhold: Collection[str] = ()
) -> Inputs:
    """Read and paint what a recipe names, without the masks of the classes to `withhold`.

    Raises DataError for what cannot be found, and for a class to withhold that no set has.
    """
    print("reading and painting what the recipe names", file=sys.stderr)
    sets = list(labelled_sets(plan["sets"], folder))
    if "painted" in plan:
        sets += painted_sets(**plan["painted"])
    for name in withhold:
        if not any(name in one.vocabulary.names for one in sets):
            there = sorted({name for one in sets for name in one.vocabulary.names})
            raise DataError(f"no set has a class {name!r} to withhold; there are: {', '.join(there)}")
    sets = [one.without(withhold) for one in sets if not set(one.vocabulary.names) <= set(withhold)]
    words = None
    if "words" in plan:
        definition = Definition.named(plan["words"]["definition"])
        words = read_words(definition, folder / plan["words"]["folder"], reader=READER)
    captions = read_captions(folder / plan["captions"], reader=READER) if "captions" in plan else None
    validation = list(validation_sets(plan["validation"], folder)) if "validation" in plan else []
    stem = state_dict.read(folder / plan["stem"]) if "stem" in plan else None
    return Inputs(TrainingData(sets, words, captions), InitialWeights(stem=stem, source=source), validation)


def mean_iou(checkpoint: Path, *, sets: Sequence[ValidationSet]) -> float:
    """Measure a checkpoint as `mrovseg evaluate` does; return the mean of the sets' mIoUs."""
    mious = []
    for one in sets:
        definition = Definition.named(one.definition)
        scenes = (scene.load() for scene in one.scenes)
        agreement, _ = measure(str(checkpoint), scenes, definition, definition.vocabulary)
        mious.append(agreement.confusion.miou)
    return float(np.mean(mious))


def labelled_sets(about: Sequence[Mapping[str, Any]], folder: Path) -> Iterator[LabelledSet]:
    """Read the sets of image and mask files; find those of data sets as they are published, and of whole scenes.

    Raises DataError for a pattern or a root that finds nothing.
    """
    for one in about:
        definition = Definition.named(one["definition"])
        images: Sequence[ImageSource]
        if "root" in one:
            images = published(definition, folder / one["root"], split=one.get("split", "train"))
        elif "scenes" in one:
            scenes, labels = ([_located(folder, spec) for spec in one[key]] for key in ("scenes", "labels"))
            images = list(labelled_windows(definition, scenes, labels))
        else:
            files, masks = (_files(folder, one[key]) for key in ("images", "masks"))
            images = list(read_pairs(definition, files, masks, reader=READER))
        yield LabelledSet(
            definition.vocabulary, images, float(one["share"]), definition.rest, definition.upright
        )


def published(definition: Definition, root: Path, *, split: str) -> list[LabelledFile]:
    """Find the images of a data set's split, to be read one at a time. Raises DataError as `Layout.pairs`."""
    layout = definition.layout(split)
    segments = read_segments(root / layout.segments) if layout.segments else None
    return [LabelledFile(definition, image, mask, READER, segments) for image, mask in layout.pairs(root)]


def painted_sets(*, seeds: int, side_px: int, shares: Mapping[str, float | int]) -> list[LabelledSet]:
    """Paint a square of each seed; the same pixels serve a set of the five classes and one of all ten."""
    window = Window(0, 0, side_px, side_px)
    painted = [(str(seed), *paint(window, seed=seed)) for seed in range(seeds)]
    relabel = {"land-cover": LAND_COVER, "painted": np.arange(len(LAND_COVER), dtype=np.uint8)}
    return [
        LabelledSet(
            Definition.named(name).vocabulary,
            [LabelledImage(seed, pixels, relabel[name][truth]) for seed, pixels, truth in painted],
            float(share),
        )
        for name, share in shares.items()
    ]


def validation_sets(about: Mapping[str, Any], folder: Path) -> Iterator[ValidationSet]:
    """Read the scenes of a recipe's validation, mosaics joined, and paint the painted ones."""
    for one in about.get("sets", []):
        if "root" in one:
            definition = Definition.named(one["definition"])
            scenes = published(definition, folder / one["root"], split=one.get("split", SPLIT))
            yield ValidationSet(one["definition"], scenes)
            continue
        images, masks = (_files(folder, one[key]) for key in ("images", "masks"))
        rows, cols = grid_of(one.get("mosaic", "1x1"), len(images))
        pairs = read_pairs(Definition.named(one["definition"]), images, masks, reader=READER)
        yield ValidationSet(one["definition"], list(read_scenes(pairs, rows=rows, cols=cols)))
    if "painted" in about:
        painted = about["painted"]
        yield ValidationSet(PAINTED, list(painted_images(painted["seeds"], size_px=painted["side_px"])))


def _check_validation(about: object, file: str) -> None:
    if (
        not isinstance(about, dict)
        or not {"every"} < set(about) <= VALIDATION_KEYS
        or type(about["every"]) is not int
        or about["every"] < 1
    ):
        raise DataError(
            f"the validation of {file} must say `every` how many steps, a whole number above zero, and have `sets` "
            f"or `painted` or both, got {about!r}"
        )


def _located(folder: Path, spec: str) -> str:
    return spec if objects.is_remote(spec) else str(folder / spec)


def _found(folder: Path, pattern: Path) -> list[Path]:
    root = Path(pattern.anchor) if pattern.is_absolute() else folder
    return sorted(root.glob(str(pattern.relative_to(pattern.anchor))))


def _files(folder: Path, patterns: Sequence[str]) -> list[Path]:
    found = [_found(folder, Path(pattern)) for pattern in patterns]
    for pattern, files in zip(patterns, found, strict=True):
        if not files:
            raise DataError(f"{folder / pattern} finds nothing; --data must be the folder the recipe means")
    return [file for files in found for file in files]
