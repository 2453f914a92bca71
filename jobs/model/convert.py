"""Make a checkpoint of a CLIP that others trained: `mrovseg convert MODEL --weights FILE|TAG -o FILE`.

It has no head: it segments in the training-free mode at once, and a head can be trained on it.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from jobs.run.commands import command, run
from jobs.run.exit_codes import ExitCode, ends_with_code
from mrovseg.weights import checkpoint as checkpoints
from mrovseg.weights.convert import headless_network
from pipeline.errors import ConfigError

APP = command(
    "convert",
    usage="MODEL [--weights FILE|TAG] -o FILE [OPTIONS]",
    about="Make a checkpoint of a CLIP that others trained.\n\n"
    "It has no head: it segments in the training-free mode at once, and a head can be trained on it.",
    examples=(
        "mrovseg convert ViT-B-16 --weights laion2b_s34b_b88k -o clip.safetensors",
        "mrovseg convert local-dir:downloaded -o clip.safetensors",
    ),
)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class ChipShape:
    """What a chip is made of: inputs of the encoder, side by side."""

    slices: Annotated[
        int | None,
        Parameter(
            help="slices a side of a chip", metavar="N", show_default="even, for a chip of at least 1024 px"
        ),
    ] = None
    slice_px: Annotated[
        int | None,
        Parameter(
            help="another input size of the encoder, its positions interpolated",
            metavar="N",
            show_default="the encoder's own",
        ),
    ] = None


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Find the CLIP and its weights, and write the checkpoint."""
    return run(APP, argv)


@APP.default
def convert(
    model: Annotated[
        str,
        Parameter(
            help="a ViT that open_clip knows, or hf-hub:ORG/NAME or local-dir:FOLDER with its weights",
            metavar="MODEL",
        ),
    ],
    /,
    *,
    output: Annotated[
        Path,
        Parameter(name=("--output", "-o"), help="the checkpoint, a .safetensors file", metavar="FILE"),
    ],
    weights: Annotated[
        str | None,
        Parameter(
            help="a state dict (.safetensors, .pt, .bin), or one of open_clip's tags", metavar="FILE|TAG"
        ),
    ] = None,
    chip: ChipShape = ChipShape(),
) -> int:
    """Make the checkpoint, and say what its chips are."""
    if output.is_dir() or (weights and output.resolve() == Path(weights).resolve()):
        raise ConfigError(f"-o must be a new file for the checkpoint, got {output}")
    config, arrays = headless_network(model, weights, **asdict(chip))
    try:
        checkpoints.save(output, config=config, weights=arrays, known_phrases=None)
    except OSError as fault:
        raise ConfigError(f"{output} cannot be written: {fault}") from fault
    made_of = f"{config.slices} x {config.slices} slices of {config.slice_px} px"
    print(f"checkpoint: {output}, chips of {config.chip_px} px ({made_of})")
    return ExitCode.DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
