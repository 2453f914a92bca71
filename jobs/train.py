"""Train a checkpoint: `mrovseg train --data DIR -o FOLDER`. The same command goes on where it was stopped."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from jobs.exit_codes import ExitCode, ends_with_code
from mrovseg.data import LabelledImage, LabelledSet, read_pairs, read_words
from mrovseg.definition import Definition
from mrovseg.errors import DataError
from mrovseg.stem import read_tensors
from mrovseg.train import Recipe, train
from pipeline.testing.painted import LAND_COVER, paint
from pipeline.window import Window


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Read the recipe and its data, and train."""
    parser = argparse.ArgumentParser(prog="mrovseg train", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="what the recipe's paths start from"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FOLDER", help="states and checkpoint"
    )
    parser.add_argument(
        "--recipe", default="tiny", metavar="NAME|FILE", help="an embedded recipe or a YAML file"
    )
    arguments = parser.parse_args(argv)
    plan = read_recipe(arguments.recipe)
    sets = [*labelled_sets(plan["sets"], arguments.data), *painted_sets(**plan["painted"])]
    words = read_words(
        Definition.named(plan["words"]["definition"]), arguments.data / plan["words"]["folder"]
    )
    stem = read_tensors(arguments.data / plan["stem"])
    path = train(Recipe.from_dict(plan["training"]), sets, words, stem=stem, folder=arguments.output)
    print(f"checkpoint: {path}")
    return ExitCode.DONE


def read_recipe(name_or_path: str) -> dict[str, Any]:
    """Read a recipe. Raises DataError when there is none, or a part is missing."""
    embedded = resources.files("mrovseg") / "recipes" / f"{name_or_path}.yaml"
    file = embedded if embedded.is_file() else Path(name_or_path)
    if not file.is_file():
        raise DataError(f"no recipe {name_or_path!r}: give a YAML file, or the embedded 'tiny'")
    plan: dict[str, Any] = yaml.safe_load(file.read_text())
    parts = {"training", "sets", "painted", "words", "stem"}
    if set(plan) != parts:
        raise DataError(
            f"a recipe has the parts {', '.join(sorted(parts))}; {file} has {', '.join(sorted(plan))}"
        )
    return plan


def labelled_sets(about: Sequence[Mapping[str, Any]], folder: Path) -> Iterator[LabelledSet]:
    """Read the sets of image and mask files. Raises DataError for a pattern that finds nothing."""
    for one in about:
        definition = Definition.named(one["definition"])
        images, masks = (_files(folder, one[key]) for key in ("images", "masks"))
        pairs = list(read_pairs(definition, images, masks))
        yield LabelledSet(definition.vocabulary, pairs, one["share"], definition.rest)


def painted_sets(*, seeds: int, side_px: int, shares: Mapping[str, float]) -> list[LabelledSet]:
    """Paint a square of each seed; the same pixels serve a set of the five classes and one of all ten."""
    window = Window(0, 0, side_px, side_px)
    painted = [(str(seed), *paint(window, seed=seed)) for seed in range(seeds)]
    relabel = {"land-cover": LAND_COVER, "painted": np.arange(len(LAND_COVER), dtype=np.uint8)}
    return [
        LabelledSet(
            Definition.named(name).vocabulary,
            [LabelledImage(seed, pixels, relabel[name][truth]) for seed, pixels, truth in painted],
            share,
        )
        for name, share in shares.items()
    ]


def _files(folder: Path, patterns: Sequence[str]) -> list[Path]:
    found = [sorted(folder.glob(pattern)) for pattern in patterns]
    for pattern, files in zip(patterns, found, strict=True):
        if not files:
            raise DataError(f"{folder / pattern} finds nothing; --data must be the folder the recipe means")
    return [file for files in found for file in files]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
