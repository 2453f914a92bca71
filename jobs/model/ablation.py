"""Measure what the parts of the network are worth: `mrovseg ablation --data DIR -o FOLDER`.

Heads are trained on the same frozen encoder, with the same data, steps and seeds, each without one part, and measured
on the recipe's validation. The same command goes on where it was stopped.
"""

import dataclasses
import functools
import json
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from jobs.model import trainer
from jobs.model.flags import TrainingFlags
from jobs.model.recipes import Inputs, mean_iou, read_inputs, read_recipe
from jobs.run.commands import command, run
from jobs.run.exit_codes import ExitCode, ends_with_code
from jobs.show import table
from mrovseg.errors import DataError
from mrovseg.network.config import HeadConfig, reference_head
from mrovseg.training.history import History, LogLine
from mrovseg.training.train import Recipe, Validation, train
from mrovseg.training.worker import Worker
from mrovseg.weights import checkpoint as checkpoints
from mrovseg.weights.header import EMBEDDED
from pipeline.errors import ConfigError
from pipeline.storage import objects
from pipeline.storage.location import Location

STEPS, SEEDS = 1500, 3
FULL = "full"
# What is said of each variant, how its head differs, and of how many slices a side its chips are where that differs.
VARIANTS: Mapping[str, tuple[str, Mapping[str, Any], tuple[int, ...] | None]] = {
    FULL: ("the full network", {}, None),
    "low": ("low view only", {"switch": "low", "reads": "low"}, None),
    "high": ("high slices only", {"switch": "high", "reads": "high"}, None),
    "average": ("average of windows and low view", {"averaged": True}, (1,)),
    "half": ("gate of one half", {"switch": "half"}, None),
    "no-depthwise": ("no depthwise convolution", {"switch": "no-depthwise"}, None),
    "pooled": ("plain masked pooling", {"reads": "pooled"}, None),
}


APP = command(
    "ablation",
    usage="--data DIR -o FOLDER [OPTIONS]",
    about="Measure what the parts of the network are worth.\n\nHeads are trained on the same frozen encoder, with the "
    "same data, steps and seeds, each without one part, and measured on the recipe's validation. The same command goes "
    "on where it was stopped.",
    examples=("mrovseg ablation --data shared/data -o ablation --seeds 3",),
)


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Train and measure every variant by every seed, and print and write the table."""
    return run(APP, argv)


@APP.default
def ablation(
    *,
    flags: TrainingFlags,
    recipe: Annotated[
        str, Parameter(help="an embedded recipe or a YAML file", metavar="NAME|FILE")
    ] = "ablation",
    checkpoint: Annotated[
        str, Parameter(help="whose encoder the heads are trained on", metavar="NAME|FILE")
    ] = EMBEDDED,
    steps: Annotated[int, Parameter(help="of each training")] = STEPS,
    seeds: Annotated[int, Parameter(help="trainings of each variant")] = SEEDS,
) -> int:
    """Train, measure, and print and write the table."""
    if min(steps, seeds) < 1:
        raise ConfigError(f"--steps and --seeds must be 1 or more, got {steps} and {seeds}")
    plan, folder = read_recipe(recipe), flags.folder
    if "validation" not in plan:
        raise DataError("an ablation needs a recipe with `validation`: what to measure on")
    stages = Recipe.from_dict(plan["training"])
    stages = dataclasses.replace(stages, masks=dataclasses.replace(stages.masks, steps=steps))
    group = flags.group(stages.masks.threads)
    Worker(count=group.workers).assigned(stages.masks.micro_batches)
    source = checkpoints.load(checkpoint)
    read = functools.partial(read_inputs, plan, flags.data, source=source)
    task = functools.partial(work, recipe=stages, folder=folder, seeds=seeds)
    trainer.run(task, read, group=group, folder=folder)
    figures = read_figures(folder, seeds=seeds)
    about = {"checkpoint": source.digest, "steps": steps, "miou": figures}
    objects.put_bytes(Location(str(folder / "ablation.json")), json.dumps(about, indent=1).encode())
    print(report(figures))
    return ExitCode.DONE


def work(inputs: Inputs, worker: Worker, say: LogLine, *, recipe: Recipe, folder: Path, seeds: int) -> None:
    """Do one worker's part of all trainings, one after the other."""
    for variant, seed in runs(seeds):
        title, _, sizes = VARIANTS[variant]
        masks = recipe.masks if sizes is None else dataclasses.replace(recipe.masks, sizes=sizes)
        one = dataclasses.replace(recipe, seed=seed, masks=masks)
        if worker.is_first:
            say(f"{title}, seed {seed}")
        train(
            one,
            inputs.training,
            dataclasses.replace(inputs.beginning, head=head_of(variant, inputs)),
            history=History(folder / f"{variant}-{seed}", log=say),
            worker=worker,
            validation=Validation(
                every=masks.steps, evaluate=functools.partial(mean_iou, sets=inputs.validation)
            ),
        )


def runs(seeds: int) -> Iterator[tuple[str, int]]:
    """Return variants and seeds, all variants of a seed before the next seed."""
    return ((variant, seed) for seed in range(1, seeds + 1) for variant in VARIANTS)


def head_of(variant: str, inputs: Inputs) -> HeadConfig:
    """Return the head of a variant: the checkpoint's but for the part that it lacks."""
    source = inputs.beginning.source
    assert source is not None  # noqa: S101 -- an ablation begins with a checkpoint
    head = source.config.head or reference_head(int(source.config.clip["vision_cfg"]["layers"]))
    return dataclasses.replace(head, **VARIANTS[variant][1])


def read_figures(folder: Path, *, seeds: int) -> dict[str, list[float]]:
    """Return the mIoU of each variant by seed, as its last training measured it."""
    figures: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    for variant, seed in runs(seeds):
        figures[variant].append(History(folder / f"{variant}-{seed}").rows[-1]["miou"])
    return figures


def report(figures: Mapping[str, Sequence[float]]) -> str:
    """Return a table: mean and standard deviation of the mIoU in points, and how much better the full network is."""
    full = statistics.fmean(figures[FULL])
    lines = [
        [
            VARIANTS[variant][0],
            f"{100 * statistics.fmean(of):.1f}",
            f"{100 * statistics.stdev(of):.1f}" if len(of) > 1 else None,
            None if variant == FULL else f"{100 * (full - statistics.fmean(of)):+.1f}",
        ]
        for variant, of in figures.items()
    ]
    return table.render(["network", "mIoU", "sd", "full less it"], lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
