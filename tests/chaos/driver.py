"""The program that is killed: `python -m tests.chaos.driver OUTPUT SCENE...` on the cluster of `RAY_ADDRESS`.

It segments by brightness, slowly enough to be killed on the way, and ends with the exit codes of a job.
"""

import sys
import time
from collections.abc import Mapping

import numpy as np

from pipeline.errors import PipelineError
from pipeline.testing.brightness import BrightnessSegmenter
from tests.pipeline.flows import run_flow

WINDOW_PX = CHUNK_PX = 128
CALL_S = 0.04  # a window is four calls
FAILED, DONE_WITH_FAILURES = 1, 3


class Slow(BrightnessSegmenter):
    """Takes the time of a small network."""

    def propose(self, chips: np.ndarray, /) -> dict[str, np.ndarray]:
        time.sleep(CALL_S)
        return super().propose(chips)


def make_slow(weights: Mapping[str, np.ndarray]) -> Slow:
    return Slow(**{name: int(value) for name, value in weights.items()})


def main(output: str, scenes: list[str]) -> int:
    """Run once."""
    try:
        result = run_flow(
            scenes,
            output,
            make_segmenter=make_slow,
            window_px=WINDOW_PX,
            chunk_px=CHUNK_PX,
            actors=2,
            actor_cpus=0.9,
        )
    except PipelineError as error:
        print(error, file=sys.stderr)
        return FAILED
    for failure in result.failures:
        print(failure, file=sys.stderr)
    return DONE_WITH_FAILURES if result.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
