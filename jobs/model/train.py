"""Train a checkpoint: `mrovseg train --data DIR -o FOLDER`. The same command goes on where it was stopped."""

import functools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from jobs.model import trainer
from jobs.model.flags import TrainingFlags
from jobs.model.recipes import Inputs, mean_iou, read_inputs, read_recipe
from jobs.run.commands import command, run
from jobs.run.exit_codes import ExitCode, ends_with_code
from mrovseg.training.history import History, LogLine
from mrovseg.training.train import Recipe, Validation
from mrovseg.training.train import train as train_stages
from mrovseg.training.worker import Worker
from mrovseg.weights import checkpoint as checkpoints

APP = command(
    "train",
    usage="--data DIR -o FOLDER [OPTIONS]",
    about="Train a checkpoint. The same command goes on where it was stopped.",
    examples=(
        "mrovseg train --data shared/data -o trained",
        "mrovseg train --data data --recipe own.yaml --workers 4 --gpus -o trained",
        "mrovseg train --data data --checkpoint clip.safetensors -o trained",
    ),
)


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Read the recipe and its data, and train."""
    return run(APP, argv)


@APP.default
def train(
    *,
    flags: TrainingFlags,
    recipe: Annotated[str, Parameter(help="an embedded recipe or a YAML file", metavar="NAME|FILE")] = "tiny",
    checkpoint: Annotated[
        str | None,
        Parameter(
            help="train a head on the encoders of this one, without a first stage", metavar="NAME|FILE"
        ),
    ] = None,
    withhold: Annotated[
        str,
        Parameter(
            help="leave out the masks of these classes, separated by ';', to see what their words find all the same",
            metavar="CLASSES",
            show_default="none",
        ),
    ] = "",
) -> int:
    """Train by a recipe, and say where what was made is."""
    plan, folder = read_recipe(recipe), flags.folder
    stages_of = Recipe.from_dict(plan["training"])
    stages = [stage for stage in (stages_of.contrast, stages_of.masks) if stage is not None]
    group = flags.group(max(stage.threads for stage in stages))
    for stage in stages:
        Worker(count=group.workers).assigned(stage.micro_batches)
    validation = plan.get("validation", {})
    task = functools.partial(work, recipe=stages_of, folder=folder, every=validation.get("every"))
    source = checkpoints.load(checkpoint) if checkpoint else None
    withheld = [name.strip() for name in withhold.split(";") if name.strip()]
    read = functools.partial(read_inputs, plan, flags.data, source=source, withhold=withheld)
    trainer.run(task, read, group=group, folder=folder)
    print(f"checkpoint: {folder / 'checkpoint.safetensors'}")
    if validation:
        print(f"best:       {folder / 'best.safetensors'}")
    print(f"history:    {folder / 'metrics.json'}, {folder / 'training.png'}")
    return ExitCode.DONE


def work(
    inputs: Inputs, worker: Worker, say: LogLine, *, recipe: Recipe, folder: Path, every: int | None
) -> None:
    """Do one worker's part of the training."""
    validation = None
    if every is not None:
        evaluate = functools.partial(mean_iou, sets=inputs.validation)
        validation = Validation(every=every, evaluate=evaluate)
    history = History(folder, log=say)
    train_stages(
        recipe, inputs.training, inputs.beginning, history=history, worker=worker, validation=validation
    )


if __name__ == "__main__":
    from jobs.model.train import main as named  # workers look its functions up by this name

    sys.exit(named(sys.argv[1:]))
