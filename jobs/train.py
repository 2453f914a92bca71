"""Train a checkpoint: `mrovseg train --data DIR -o FOLDER`. The same command goes on where it was stopped."""

import argparse
import functools
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from jobs import trainer
from jobs.evaluate import PAINTED, grid_of, measure, painted_images, read_scenes
from jobs.exit_codes import ExitCode, ends_with_code
from mrovseg.data import LabelledImage, LabelledSet, read_pairs, read_words
from mrovseg.definition import Definition
from mrovseg.errors import DataError
from mrovseg.history import Say
from mrovseg.train import Recipe, TrainingData, Validation, train
from mrovseg.worker import Worker
from pipeline.testing.painted import LAND_COVER, paint
from pipeline.window import Window

PARTS = {"training", "sets", "painted", "words"}
VALIDATION_KEYS = {"every", "sets", "painted"}


@dataclass(frozen=True, slots=True)
class ValidationSet:
    """Scenes that no training sees, and the name of their definition."""

    definition: str
    scenes: Sequence[LabelledImage]


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that the workers need of the recipe's files, and what was painted."""

    training: TrainingData
    validation: Sequence[ValidationSet]


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Read the recipe and its data, and train."""
    arguments = _parser().parse_args(argv)
    plan, folder = read_recipe(arguments.recipe), arguments.output.resolve()
    recipe = Recipe.from_dict(plan["training"])
    stages = (recipe.contrast, recipe.masks)
    threads = max(stage.threads for stage in stages)
    group = trainer.Group(workers=arguments.workers, cpus=threads, gpus=int(arguments.gpus))
    for stage in stages:
        Worker(count=group.workers).share(stage.micro_batches)
    validation = plan.get("validation", {})
    task = functools.partial(work, recipe=recipe, folder=folder, every=validation.get("every"))
    trainer.run(task, functools.partial(read_inputs, plan, arguments.data), group=group, folder=folder)
    print(f"checkpoint: {folder / 'checkpoint.safetensors'}")
    if validation:
        print(f"best:       {folder / 'best.safetensors'}")
    print(f"history:    {folder / 'metrics.json'}, {folder / 'training.png'}")
    return ExitCode.DONE


def work(
    inputs: Inputs, worker: Worker, say: Say, *, recipe: Recipe, folder: Path, every: int | None
) -> None:
    """Do one worker's part of the training."""
    validation = None
    if every is not None:
        evaluate = functools.partial(mean_iou, sets=inputs.validation)
        validation = Validation(every=every, evaluate=evaluate)
    train(recipe, inputs.training, folder=folder, worker=worker, validation=validation, say=say)


def mean_iou(checkpoint: Path, *, sets: Sequence[ValidationSet]) -> float:
    """Measure a checkpoint as `mrovseg evaluate` does; return the mean of the sets' mIoUs."""
    mious = []
    for one in sets:
        definition = Definition.named(one.definition)
        agreement = measure(str(checkpoint), one.scenes, definition, definition.vocabulary)
        mious.append(agreement.confusion.miou)
    return float(np.mean(mious))


def read_inputs(plan: Mapping[str, Any], folder: Path) -> Inputs:
    """Read and paint what a recipe names. Raises DataError for what cannot be found."""
    print("reading and painting what the recipe names", file=sys.stderr)
    sets = [*labelled_sets(plan["sets"], folder), *painted_sets(**plan["painted"])]
    words = read_words(Definition.named(plan["words"]["definition"]), folder / plan["words"]["folder"])
    validation = list(validation_sets(plan["validation"], folder)) if "validation" in plan else []
    return Inputs(TrainingData(sets, words), validation)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mrovseg train", description=__doc__)
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="what the recipe's paths start from")
    add("-o", "--output", type=Path, required=True, metavar="FOLDER", help="states, checkpoints and history")
    add("--recipe", default="tiny", metavar="NAME|FILE", help="an embedded recipe or a YAML file (tiny)")
    add("--workers", type=int, default=1, metavar="N", help="processes that share the work (1)")
    add("--gpus", action="store_true", help="a GPU for each worker; without it they train on CPUs")
    return parser


def read_recipe(name_or_path: str) -> dict[str, Any]:
    """Read a recipe. Raises DataError when there is none, or a part is missing."""
    embedded = resources.files("mrovseg") / "recipes" / f"{name_or_path}.yaml"
    file = embedded if embedded.is_file() else Path(name_or_path)
    if not file.is_file():
        raise DataError(f"no recipe {name_or_path!r}: give a YAML file, or the embedded 'tiny'")
    plan: dict[str, Any] = yaml.safe_load(file.read_text())
    if set(plan) - {"validation"} != PARTS:
        raise DataError(
            f"a recipe has the parts {', '.join(sorted(PARTS))}, and may have validation; {file} has "
            f"{', '.join(sorted(plan))}"
        )
    if "validation" in plan:
        _check_validation(plan["validation"], str(file))
    return plan


def labelled_sets(about: Sequence[Mapping[str, Any]], folder: Path) -> Iterator[LabelledSet]:
    """Read the sets of image and mask files. Raises DataError for a pattern that finds nothing."""
    for one in about:
        definition = Definition.named(one["definition"])
        images, masks = (_files(folder, one[key]) for key in ("images", "masks"))
        pairs = list(read_pairs(definition, images, masks))
        yield LabelledSet(definition.vocabulary, pairs, float(one["share"]), definition.rest)


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
        images, masks = (_files(folder, one[key]) for key in ("images", "masks"))
        rows, cols = grid_of(one.get("mosaic", "1x1"), len(images))
        pairs = read_pairs(Definition.named(one["definition"]), images, masks)
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


def _files(folder: Path, patterns: Sequence[str]) -> list[Path]:
    found = [sorted(folder.glob(pattern)) for pattern in patterns]
    for pattern, files in zip(patterns, found, strict=True):
        if not files:
            raise DataError(f"{folder / pattern} finds nothing; --data must be the folder the recipe means")
    return [file for files in found for file in files]


if __name__ == "__main__":
    from jobs.train import main as named  # workers look its functions up by this name

    sys.exit(named(sys.argv[1:]))
