"""Make a checkpoint of a CLIP that others trained: `mrovseg convert MODEL --weights FILE|TAG -o FILE`.

It has no head: it segments in the training-free mode at once, and a head can be trained on it.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from jobs.exit_codes import ExitCode, ends_with_code
from jobs.flags import FlagParser
from mrovseg.weights import checkpoint as checkpoints
from mrovseg.weights.convert import headless_network
from pipeline.errors import ConfigError


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Find the CLIP and its weights, and write the checkpoint."""
    arguments = _parser().parse_args(argv)
    output: Path = arguments.output
    if output.is_dir() or (arguments.weights and output.resolve() == Path(arguments.weights).resolve()):
        raise ConfigError(f"-o must be a new file for the checkpoint, got {output}")
    config, weights = headless_network(
        arguments.model,
        arguments.weights,
        slices=arguments.slices,
        halo_px=arguments.halo_px,
        slice_px=arguments.slice_px,
    )
    try:
        checkpoints.save(output, config=config, weights=weights, known_phrases=None)
    except OSError as fault:
        raise ConfigError(f"{output} cannot be written: {fault}") from fault
    chip = f"{config.slices} x {config.slices} slices of {config.slice_px} px, core {config.core_px} px"
    print(f"checkpoint: {output}, chips of {config.chip_px} px ({chip}, halo {config.halo_px} px)")
    return ExitCode.DONE


def _parser() -> argparse.ArgumentParser:
    parser = FlagParser(prog="mrovseg convert", description=__doc__)
    add = parser.add_argument
    add("model", help="a ViT that open_clip knows, or hf-hub:ORG/NAME or local-dir:FOLDER with its weights")
    add(
        "--weights",
        metavar="FILE|TAG",
        help="a state dict (.safetensors, .pt, .bin), or one of open_clip's tags",
    )
    add(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="the checkpoint, a .safetensors file"
    )
    add(
        "--slices", type=int, metavar="N", help="slices a side of a chip (as many as a core of 1024 px needs)"
    )
    add("--halo-px", type=int, metavar="N", help="what a chip's core leaves on each side (at least 32)")
    add(
        "--slice-px",
        type=int,
        metavar="N",
        help="another input size of the encoder, its positions interpolated",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
