"""Say what a checkpoint is, what it costs and how fast it runs here: `mrovseg info CHECKPOINT`."""

import math
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated

import numpy as np
import torch
from cyclopts import Parameter
from jaxtyping import UInt8

from jobs.run.commands import command, run
from jobs.run.exit_codes import ExitCode, ends_with_code
from jobs.run.proposals import chip_layout
from jobs.run.wiring import THREADS
from jobs.show import table
from mrovseg.network.cost import parts
from mrovseg.segmenter import MrovsegSegmenter
from mrovseg.weights import checkpoint as checkpoints
from mrovseg.weights.checkpoint import Checkpoint
from mrovseg.weights.header import EMBEDDED
from mrovseg.weights.vocabulary import embed_vocabulary
from mrovseg.words.vocabulary import Vocabulary
from pipeline.geometry.chips import ChipLayout

LEAST_S = 2.0  # how long chips are segmented for the speed
CHIPS_A_ROW = 8
SHOWN_WORDS = 12


APP = command(
    "info",
    usage="[CHECKPOINT]",
    about="Say what a checkpoint is, what it costs and how fast it runs here.",
    examples=("mrovseg info", "mrovseg info own.safetensors"),
)


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Print what the checkpoint is, its parts with their cost, and its speed and memory on this device."""
    return run(APP, argv)


@APP.default
def info(checkpoint: Annotated[str, Parameter(help="embedded name or file")] = EMBEDDED, /) -> int:
    """Load the checkpoint, and print all of it."""
    loaded = checkpoints.load(checkpoint)
    print(f"{describe(loaded)}\n\n{costs(loaded)}\n\n{speed(loaded)}")
    return ExitCode.DONE


def describe(checkpoint: Checkpoint) -> str:
    """Return a line each of the name, the encoder, the chip and the words."""
    config, vision = checkpoint.config, checkpoint.config.clip["vision_cfg"]
    slices = f"{config.slices} x {config.slices} slices of {config.slice_px} px"
    known = checkpoint.known_phrases
    words = "any" if known is None else f"like {len(known)}: {', '.join(known[:SHOWN_WORDS])} ..."
    if known is not None:
        every, _ = embed_vocabulary(checkpoint, Vocabulary(known, tuple((phrase,) for phrase in known)))
        untaught = ", ".join(known[i] for i in every.untaught)
        words += f"\ntold by patches, as nothing with masks is like them: {untaught}" if untaught else ""
    layout = chip_layout(config)
    return f"""checkpoint {checkpoint.name}, sha256 {checkpoint.digest}
encoder: ViT of {vision["layers"]} blocks, width {vision["width"]}, patch {vision["patch_size"]} px
chip: {config.chip_px} px, {slices}; one every {layout.step_px} px
words: {words}"""


def costs(checkpoint: Checkpoint) -> str:
    """Return a table of the parts: parameters, whether they are trained, GMACs for a chip and their share.

    The text tower is none of them: it runs once a run, for the vocabulary.
    """
    found = parts(checkpoint.config, chip_px=checkpoint.config.chip_px)
    total = sum(part.macs for part in found)
    lines = [
        [
            p.name,
            p.parameters,
            "trained" if p.trained else "frozen",
            f"{p.macs / 1e9:.3f}",
            f"{p.macs / total:.1%}",
        ]
        for p in found
    ]
    parameters, trained = (sum(p.parameters for p in found if p.trained or every) for every in (True, False))
    sums = ["sum", parameters, None, f"{total / 1e9:.3f}", "100.0%"]
    held_mib = sum(array.nbytes for array in checkpoint.image_weights.values()) / 2**20
    return (
        f"{table.render(['part', 'parameters', '', 'GMACs a chip', 'share'], [*lines, sums])}\n\n"
        f"parameters: {trained:,} trained, {parameters - trained:,} frozen, {held_mib:.1f} MiB of memory"
    )


def speed(checkpoint: Checkpoint) -> str:
    """Propose for chips of noise for a while as an actor would; return its speed and the process's peak memory."""
    word = min(checkpoint.taught_phrases or checkpoint.known_phrases or ["building"])
    embedded, _ = embed_vocabulary(checkpoint, Vocabulary((word,), ((word,),)))
    layout = chip_layout(checkpoint.config)
    segmenter = MrovsegSegmenter(
        checkpoint.config, checkpoint.image_weights, embedded, step_px=layout.step_px, threads=THREADS
    )
    chips, count = _chips(layout), segmenter.chips_per_call
    began, done = math.inf, 0
    while time.monotonic() - began < LEAST_S:
        segmenter.propose(np.stack([*islice(chips, count)]))
        if began == math.inf:  # the first call warms up
            began = time.monotonic()
        else:
            done += count
    mpx_s = done * layout.step_px**2 / 1e6 / (time.monotonic() - began)
    return (
        f"here: {mpx_s:.2f} Mpx/s of a large scene, one actor ({segmenter.device}, {THREADS} thread), "
        f"memory at its peak {', '.join(_peaks(segmenter.device))}"
    )


def _chips(layout: ChipLayout) -> Iterator[UInt8[np.ndarray, "y x 3"]]:
    """Yield the chips of an endless scene of noise, row by row."""
    random, width_px = np.random.default_rng(0), layout.side_px + (CHIPS_A_ROW - 1) * layout.step_px
    rows = random.integers(0, 256, (layout.side_px, width_px, 3), dtype=np.uint8)
    while True:
        for at in range(0, CHIPS_A_ROW * layout.step_px, layout.step_px):
            yield rows[:, at : at + layout.side_px]
        below = random.integers(0, 256, (layout.step_px, width_px, 3), dtype=np.uint8)
        rows = np.concatenate([rows[layout.step_px :], below])


def _peaks(device: torch.device) -> list[str]:
    process_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    on_device = (
        [f"{torch.cuda.max_memory_allocated() / 2**20:.0f} MiB of the GPU"] if device.type == "cuda" else []
    )
    return [f"{process_mib:.0f} MiB of the process", *on_device]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
