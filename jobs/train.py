"""Train a checkpoint: `mrovseg train --data DIR -o FOLDER`. The same command goes on where it was stopped."""

import argparse
import functools
import sys
from collections.abc import Sequence
from pathlib import Path

from jobs import trainer
from jobs.exit_codes import ExitCode, ends_with_code
from jobs.flags import FlagParser
from jobs.recipes import Inputs, mean_iou, read_inputs, read_recipe
from mrovseg.training.history import History, LogLine
from mrovseg.training.train import Recipe, Validation, train
from mrovseg.training.worker import Worker
from mrovseg.weights import checkpoint as checkpoints


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Read the recipe and its data, and train."""
    arguments = _parser().parse_args(argv)
    plan, folder = read_recipe(arguments.recipe), arguments.output.resolve()
    recipe = Recipe.from_dict(plan["training"])
    stages = [stage for stage in (recipe.contrast, recipe.masks) if stage is not None]
    threads = max(stage.threads for stage in stages)
    group = trainer.Group(workers=arguments.workers, cpus=threads, gpus=int(arguments.gpus))
    for stage in stages:
        Worker(count=group.workers).assigned(stage.micro_batches)
    validation = plan.get("validation", {})
    task = functools.partial(work, recipe=recipe, folder=folder, every=validation.get("every"))
    source = checkpoints.load(arguments.checkpoint) if arguments.checkpoint else None
    withhold = [name.strip() for name in arguments.withhold.split(";") if name.strip()]
    read = functools.partial(read_inputs, plan, arguments.data, source=source, withhold=withhold)
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
    train(recipe, inputs.training, inputs.beginning, history=history, worker=worker, validation=validation)


def add_arguments(parser: argparse.ArgumentParser, *, output: str, recipe: str) -> None:
    """Add what all trainings take; `output` is what they write, `recipe` the one that they follow unasked."""
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="what the recipe's paths start from")
    add("-o", "--output", type=Path, required=True, metavar="FOLDER", help=output)
    add("--recipe", default=recipe, metavar="NAME|FILE", help=f"an embedded recipe or a YAML file ({recipe})")
    add("--workers", type=int, default=1, metavar="N", help="processes that share the work (1)")
    add("--gpus", action="store_true", help="a GPU for each worker; without it they train on CPUs")


def _parser() -> argparse.ArgumentParser:
    parser = FlagParser(prog="mrovseg train", description=__doc__)
    add_arguments(parser, output="states, checkpoints and history", recipe="tiny")
    add = parser.add_argument
    add(
        "--checkpoint",
        metavar="NAME|FILE",
        help="train a head on the encoders of this one, without a first stage",
    )
    add(
        "--withhold",
        default="",
        metavar="CLASSES",
        help="train without the masks of these classes, separated by ';', to see what their words find all the same",
    )
    return parser


if __name__ == "__main__":
    from jobs.train import main as named  # workers look its functions up by this name

    sys.exit(named(sys.argv[1:]))
