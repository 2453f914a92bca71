"""What do many classes cost? A chip with 1000 of them against one with ten, by a random ViT-B-16 and by `tiny`.

`python -m tests.bench.classes` prints process time and peak memory of proposing and labelling a chip, and ends with 1
where the ViT-B-16 needs more than 1.2 of the time or 1.1 of the memory. The classes are random directions: a softmax
over 1000 of them leaves more of a chance to more classes than trained words do. `tiny` is so small a network that the
ratio is that of the labels alone; it is printed and not judged.

Both take turns, medians of process time count, and each peak is of a process of its own, because a peak never falls.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

from mrovseg.network.config import ModelConfig, reference_head, slices_for
from mrovseg.segmenter import MrovsegSegmenter
from mrovseg.weights import checkpoint
from mrovseg.weights.header import EMBEDDED
from mrovseg.weights.pretrained import model_config
from tests.mrovseg.networks import all_weights, chips, vocabulary
from tests.mrovseg.one_chip import map_of

FEW, MANY = 10, 1000
MOST_TIME, MOST_MEMORY = 1.2, 1.1
TURNS = 3
JUDGED = "ViT-B-16"


def segmenter(name: str, classes: int) -> MrovsegSegmenter:
    """Make a segmenter of a random ViT-B-16 with its reference head, or of the embedded checkpoint."""
    if name == JUDGED:
        clip = model_config("ViT-B-16-quickgelu")
        config = ModelConfig(clip, slices_for(224), reference_head(12))
        weights = {k: v for k, v in all_weights(config).items() if k.startswith(("visual.", "head."))}
    else:
        embedded = checkpoint.load(name)
        config, weights = embedded.config, embedded.image_weights
    words = vocabulary(classes, embed_dim=config.clip["embed_dim"])
    return MrovsegSegmenter(config, weights, words, step_px=config.chip_px // 2)


def segment(made: MrovsegSegmenter, *, seed: int) -> None:
    """Propose for a chip and label it."""
    arrays, side = map_of(made, chips(made.model.config, 1, seed=seed)), made.chip_px
    made.label(arrays, size_px=(side, side), every_pixel=False)


def times_s(name: str) -> dict[int, float]:
    """Return the median process time of a chip for either number of classes."""
    found = {classes: segmenter(name, classes) for classes in (FEW, MANY)}
    taken: dict[int, list[float]] = {FEW: [], MANY: []}
    for turn in range(TURNS + 1):
        for classes, each in found.items():
            began = time.process_time()
            segment(each, seed=turn)
            taken[classes].append(time.process_time() - began)
    return {classes: statistics.median(each[1:]) for classes, each in taken.items()}  # the first warms up


def peak_bytes(name: str, classes: int) -> int:
    """Return this process's peak after two chips."""
    made = segmenter(name, classes)
    for seed in (0, 1):
        segment(made, seed=seed)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def asked(*question: object) -> Any:  # noqa: ANN401 -- what JSON holds
    """Ask a process of its own, of one thread as an actor has it."""
    answered = subprocess.run(
        [sys.executable, "-m", "tests.bench.classes", *map(str, question)],
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(answered.stdout)


def main() -> int:
    """Print times and peaks with their ratios."""
    too_much = False
    for name in (JUDGED, EMBEDDED):
        taken = asked(name)
        peaks = [asked(name, classes) for classes in (FEW, MANY)]
        times = taken[str(FEW)], taken[str(MANY)]
        ratios = times[1] / times[0], peaks[1] / peaks[0]
        print(
            f"{name}, {FEW} and {MANY} classes: {times[0]:.2f} and {times[1]:.2f} s a chip, ratio {ratios[0]:.3f}; "
            f"peak {peaks[0] / 2**20:.0f} and {peaks[1] / 2**20:.0f} MiB, ratio {ratios[1]:.3f}"
        )
        too_much |= name == JUDGED and (ratios[0] > MOST_TIME or ratios[1] > MOST_MEMORY)
    print(f"at most {MOST_TIME} of the time and {MOST_MEMORY} of the memory for {JUDGED}")
    return int(too_much)


if __name__ == "__main__":
    question = sys.argv[1:]
    if not question:
        sys.exit(main())
    print(
        json.dumps(times_s(question[0]) if len(question) == 1 else peak_bytes(question[0], int(question[1])))
    )
