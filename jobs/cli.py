"""The command `mrovseg VERB ...`: a verb is a module with an `APP` and a `main(argv)`, imported when asked for."""

import importlib
import sys
from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

from cyclopts import App, Parameter

from jobs.run.commands import command, run
from jobs.run.exit_codes import ExitCode, ends_with_code
from pipeline.errors import ConfigError


class Verb(NamedTuple):
    """Where a verb's module is, and what it does in a line."""

    module: str
    help: str


VERBS = {
    "segment": Verb(
        "jobs.segment", "segment scenes by words into mask stores, statistics and a list of failures"
    ),
    "relabel": Verb(
        "jobs.relabel", "label the proposals that an output keeps by other words, without the network"
    ),
    "status": Verb("jobs.status", "say how far an output is, while a run is on or not"),
    "verify": Verb(
        "jobs.verify", "look for what is missing, extra or altered in an output, and how to repair it"
    ),
    "export": Verb("jobs.export", "make what other programs open of an output"),
    "overviews": Verb(
        "jobs.overviews", "make coarser levels of an output's masks, where a run has not made them"
    ),
    "plan": Verb("jobs.plan", "say what `segment` would have to do, and do nothing"),
    "inspect": Verb("jobs.inspect", "say what scenes' headers say, and how their pixels would be read"),
    "convert": Verb("jobs.model.convert", "make a checkpoint of a CLIP that others trained"),
    "train": Verb("jobs.model.train", "train a checkpoint"),
    "evaluate": Verb("jobs.model.evaluate", "measure a checkpoint against true masks"),
    "ablation": Verb("jobs.model.ablation", "measure what the parts of the network are worth"),
    "info": Verb("jobs.model.info", "say what a checkpoint is, what it costs and how fast it runs here"),
    "demo": Verb("jobs.demo", "paint a scene, segment it, compare with the painted truth, draw a picture"),
}

EXAMPLES = (
    "mrovseg demo",
    'mrovseg segment scene.tif --classes "building,house; road; water" -o out',
    "mrovseg status out",
    "mrovseg segment --help",
    "mrovseg completion bash --install",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns its exit code (see `jobs.run.exit_codes`)."""
    return _run(sys.argv[1:] if argv is None else argv)


@ends_with_code
def _run(argv: Sequence[str]) -> int:
    if argv and argv[0] in VERBS:
        code: int = importlib.import_module(VERBS[argv[0]].module).main(argv[1:])
        return code
    if not argv:
        raise ConfigError(f"give a verb, one of {', '.join(VERBS)}; see `mrovseg --help`")
    return run(everything(), argv)


def everything() -> App:
    """Return the command with all its verbs, each imported once something of it is asked for."""
    app = command(
        "", usage="VERB ...", about="Open-vocabulary segmentation of very large scenes.", examples=EXAMPLES
    )
    for name, verb in VERBS.items():
        app.command(f"{verb.module}:APP", name=name, help=verb.help)
    app.command(completion, help="print what makes a shell complete verbs and flags, or install it")
    return app


def completion(
    shell: Annotated[Literal["bash", "zsh", "fish", "powershell"], Parameter(help="whose")],
    /,
    *,
    install: Annotated[
        bool, Parameter(help="have the shell read it from now on, instead of printing it")
    ] = False,
) -> int:
    """Print what makes a shell complete verbs and flags, or install it."""
    app = everything()
    print(app.install_completion(shell=shell) if install else app.generate_completion(shell=shell))
    return ExitCode.DONE


if __name__ == "__main__":
    sys.exit(main())
