"""Where the wings meet: a segmenter of `mrovseg`, made in a worker of `pipeline`."""

import ctypes
import os
import sys
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import UInt8

from mrovseg.device import Execution, has_fast_bfloat16
from mrovseg.errors import DeviceLostError
from mrovseg.network.config import ModelConfig
from mrovseg.segmenter import MrovsegSegmenter
from mrovseg.words.embedded import EmbeddedVocabulary
from pipeline.config import FlowSettings
from pipeline.flow import WorkerCounts

# One thread an actor: two processes of one thread are faster than one of two, and matrix products may round
# differently for another number.
THREADS = 1
DEVICE_LOST = 70  # sysexits.h: an internal fault
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h


class ActorSegmenter(MrovsegSegmenter):
    """A segmenter whose process ends with its GPU: every later window would fail there, and another process may do."""

    def propose(self, chips: UInt8[np.ndarray, "b y x 3"], /) -> dict[str, np.ndarray]:
        """Run the network on chips, or end the process."""
        try:
            return super().propose(chips)
        except DeviceLostError as error:
            print(
                f"mrovseg: {error}; the process ends, and its window is tried again",
                file=sys.stderr,
                flush=True,
            )
            os._exit(DEVICE_LOST)


def make_segmenter(  # noqa: PLR0913 - each by its name
    weights: Mapping[str, np.ndarray],
    *,
    config: ModelConfig,
    vocabulary: EmbeddedVocabulary,
    step_px: int,
    threshold: float,
    kind: type[MrovsegSegmenter] = MrovsegSegmenter,
    execution: Execution | None = None,
) -> MrovsegSegmenter:
    """Build a segmenter over weights that an actor shares with the others of its node.

    Chips begin at multiples of `step_px`. It runs as `execution` says, else in single precision on a GPU if there is
    one.
    """
    _keep_freed_memory()
    return kind(
        config,
        weights,
        vocabulary,
        step_px=step_px,
        threshold=threshold,
        threads=THREADS,
        bfloat16=execution is not None and execution.precision == "bfloat16",
        device=None if execution is None else execution.device,
    )


def _keep_freed_memory() -> None:
    """Let the C library, where it is glibc, keep freed memory for the next chip instead of giving it back.

    Each chip frees and claims hundreds of MB, whose pages the system would clear anew.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is not None and hasattr(libc, "mallopt"):
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def choose_execution(
    precision: str, *, room: WorkerCounts, flow: FlowSettings, gsd_m: float | int | None
) -> Execution:
    """Choose device and precision of the actors for which there is room, and say them before a run begins."""
    execution = Execution.chosen(precision, gpu=room.actor_gpus > 0)
    each = f"{flow.actor_cpus:g} CPUs" + (f" and {room.actor_gpus:g} GPUs" if room.actor_gpus else "")
    ground = "each scene's own" if gsd_m is None else f"{gsd_m:g} m"
    _say(
        f"{room.actors} actor{'s' if room.actors > 1 else ''} of {each}, on {execution.device} in "
        f"{execution.precision}; windows of {flow.window_px} px; ground size: {ground}"
    )
    if room.actor_gpus and execution.device == "cpu":
        _say(
            f"warning: the cluster has GPUs, which torch {torch.__version__} was not built for: actors use their CPUs; "
            "install a build for GPUs, or give --gpus none to have as many actors as there are CPUs"
        )
    slow = execution == Execution(device="cpu", precision="bfloat16") and not has_fast_bfloat16()
    if slow:
        _say("warning: this processor has no instructions for bfloat16, which is slower on it than float32")
    return execution


def _say(text: str) -> None:
    print(f"mrovseg: {text}", file=sys.stderr)
