"""What do labels cost? CPU time of labelling a chunk's map, with 5, 20 and 200 classes, against that of `tiny`.

`python -m tests.bench.labels` prints seconds a megapixel of labels and of the network's proposals, both on one thread
and the least of several turns, how long compiling took, and ends with 1 where labels take more than 0.01, 0.02 and
0.08 of the network's time. The map is of a chunk in the middle of a painted scene, as a run makes it. The five classes
are Dubai's, and the others the first that the data sets' definitions name.
"""

import functools
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import mrovseg.data
from jobs.run.proposals import chip_layout
from mrovseg.data.definition import Definition
from mrovseg.labels.labeller import Labeller
from mrovseg.labels.pixel_values import OTHER_THRESHOLD
from mrovseg.segmenter import MrovsegSegmenter
from mrovseg.weights import checkpoint as checkpoints
from mrovseg.weights.header import EMBEDDED
from mrovseg.weights.vocabulary import embed_vocabulary
from mrovseg.words.embedded import EmbeddedVocabulary
from mrovseg.words.vocabulary import Vocabulary
from pipeline.geometry.chips import cover
from pipeline.geometry.window import Window
from pipeline.segment import Arrays, layout_of, propose_window
from pipeline.testing.painted import paint

MOST = {5: 0.01, 20: 0.02, 200: 0.08}  # of the network's time, by classes
TURNS = 5
CHUNK_PX = 1024
A_ROW = 5  # chips


def vocabularies(checkpoint: checkpoints.Checkpoint) -> dict[int, EmbeddedVocabulary]:
    """Return a vocabulary for each number of classes."""
    files = sorted((Path(mrovseg.data.__file__).parent / "datasets").rglob("*.yaml"))
    names = {n.casefold(): n for file in files for n in Definition.named(file.stem).vocabulary.names}
    few = Definition.named("dubai").vocabulary
    words = {len(few.names): few}
    for count in sorted(MOST)[1:]:
        chosen = tuple(names.values())[:count]
        words[count] = Vocabulary(chosen, tuple((name,) for name in chosen))
    return {count: embed_vocabulary(checkpoint, each)[0] for count, each in words.items()}


def network_s(segmenter: MrovsegSegmenter, seed: int) -> float:
    """Return the CPU time of a megapixel of a large scene, of which each chip shares slices with those before it."""
    step, side = segmenter.step_px, segmenter.chip_px
    pixels, _ = paint(Window(0, 0, side + step, side + (A_ROW - 1) * step), seed=seed)
    chips = [pixels[y : y + side, x : x + side] for y in (0, step) for x in range(0, A_ROW * step, step)]
    taken = [
        seconds(functools.partial(segmenter.propose, np.ascontiguousarray(chip)[None])) for chip in chips
    ]
    inside = taken[A_ROW + 1 :]  # neither of the first row nor of the first column
    return sum(inside) / len(inside) / step**2 * 1e6


def chunk_map(segmenter: MrovsegSegmenter) -> Arrays:
    """Return the map of a chunk that chips cover from all sides."""
    scene_px = (3 * CHUNK_PX, 3 * CHUNK_PX)
    chunk = Window(CHUNK_PX, CHUNK_PX, CHUNK_PX, CHUNK_PX)
    read = cover(chunk, layout_of(segmenter), scene_px=scene_px)
    pixels, _ = paint(read, seed=0)
    valid = np.ones(read.shape, np.bool_)
    proposed = propose_window(segmenter, pixels, valid, window=chunk, scene_px=scene_px, chunk_px=CHUNK_PX)
    return proposed.chunk(0)


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU time of work."""
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> int:
    """Measure in turns, print, and compare with the limits."""
    checkpoint = checkpoints.load(EMBEDDED)
    words = vocabularies(checkpoint)
    step_px = chip_layout(checkpoint.config).step_px
    segmenter = MrovsegSegmenter(checkpoint.config, checkpoint.image_weights, words[5], step_px=step_px)
    kept = chunk_map(segmenter)
    label = {
        count: functools.partial(
            Labeller(vocabulary=each, threshold=OTHER_THRESHOLD, stride_px=segmenter.stride_px).label,
            kept,
            size_px=(CHUNK_PX, CHUNK_PX),
            every_pixel=False,
        )
        for count, each in words.items()
    }
    first = seconds(label[5])
    print(f"compiling, or reading what was compiled, and the first map: {first:.2f} s")
    network: list[float] = []
    labels: dict[int, list[float]] = {count: [] for count in words}
    for turn in range(TURNS):
        network.append(network_s(segmenter, turn))
        for count, each in label.items():
            labels[count].append(seconds(each) / CHUNK_PX**2 * 1e6)
    print(f"the network: {min(network):.3f} s a megapixel")
    ratios = {count: min(each) / min(network) for count, each in labels.items()}
    for count, ratio in ratios.items():
        print(
            f"{count} classes: {1000 * min(labels[count]):.1f} ms, {ratio:.4f} of it, at most {MOST[count]}"
        )
    return int(any(ratio > MOST[count] for count, ratio in ratios.items()))


if __name__ == "__main__":
    sys.exit(main())
