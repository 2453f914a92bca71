"""What do labels cost? CPU time of labelling a chunk's map, with 5, 20 and 200 classes, against that of `tiny`.

`python -m tests.bench.labels` prints seconds a megapixel of labels and of the network's proposals, both on one thread
and the least of several turns, how long compiling took, and ends with 1 where labels take more than 0.01, 0.02 and
0.08 of the network's time. The map is of a painted scene: four chips that overlap by half, blended by triangular
ramps into the twelve strongest queries of a place, and repeated to a megapixel, each two with queries of their own,
so that these are as many as in a map of a photograph. Features are random. The five classes are Dubai's, and the
others the first that the data sets' definitions name.
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
from mrovseg.labels.chunk_labels import label_map
from mrovseg.labels.proposal_map import ProposalMap
from mrovseg.segmenter import OTHER_THRESHOLD, MrovsegSegmenter
from mrovseg.weights import checkpoint as checkpoints
from mrovseg.weights.header import EMBEDDED
from mrovseg.weights.vocabulary import embed_vocabulary
from mrovseg.words.embedded import EmbeddedVocabulary
from mrovseg.words.vocabulary import Vocabulary
from pipeline.geometry.window import Window
from pipeline.testing.painted import paint

MOST = {5: 0.01, 20: 0.02, 200: 0.08}  # of the network's time, by classes
TURNS = 5
KEPT, TIMES, CELL_PX = 12, 4, 32
A_ROW = 5  # chips


def picture(side_px: int) -> np.ndarray:
    """Return a corner of a painted scene."""
    pixels, _ = paint(Window(0, 0, side_px, side_px), seed=0)
    return pixels


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


def chunk_map(segmenter: MrovsegSegmenter, pixels: np.ndarray) -> ProposalMap:
    """Return the map of the middle that four chips share, less a ring of places, repeated TIMES a side."""
    side = segmenter.chip_px
    half = side // 2
    chips = [pixels[y : y + side, x : x + side] for y in (0, half) for x in (0, half)]
    found = [segmenter.propose(np.ascontiguousarray(chip)[None]) for chip in chips]
    places = found[0]["index"].shape[-1]
    ramp = 1 - np.abs(2 * (np.arange(places) + 0.5) / places - 1)
    ids, weights = [], []
    for number, one in enumerate(found):
        rows, cols = (
            slice(0, places // 2) if part else slice(places // 2, None) for part in divmod(number, 2)
        )
        weights.append(one["weight"][0, :, rows, cols] * (ramp[rows, None] * ramp[cols]) * 15 / 255)
        ids.append(one["index"][0, :, rows, cols].astype(np.int64) + number * one["embeddings"].shape[1])
    weight, index = np.rint(np.concatenate(weights)).astype(np.uint8), np.concatenate(ids)
    order = np.argsort(-weight.astype(np.int64), axis=0, kind="stable")[:KEPT]
    weight, index = (np.moveaxis(np.take_along_axis(each, order, 0), 0, -1) for each in (weight, index))
    used, index = np.unique(index, return_inverse=True)
    embeddings = np.concatenate([one["embeddings"][0] for one in found])[used]
    return repeated(embeddings, index.reshape(weight.shape), weight, stride_px=side // places)


def repeated(embeddings: np.ndarray, index: np.ndarray, weight: np.ndarray, *, stride_px: int) -> ProposalMap:
    """Return a map of a part of a map, TIMES a side, with features."""
    tiles = np.arange(TIMES**2).reshape(TIMES, TIMES) // 2
    tiles = tiles.repeat(len(index), 0).repeat(len(index), 1)
    weight = np.tile(weight, (TIMES, TIMES, 1))
    index = (np.tile(index, (TIMES, TIMES, 1)) + tiles[..., None] * len(embeddings)) * (weight > 0)
    px = (len(weight) - 2) * stride_px
    cells = -(-px // CELL_PX) + 2
    features = np.random.default_rng(0).normal(size=(cells, cells, embeddings.shape[1]))
    return ProposalMap(
        embeddings=np.tile(directions(embeddings), (TIMES**2 // 2, 1)),
        index=index.astype(np.uint16),
        weight=weight,
        features=directions(features),
        size_px=(px, px),
        stride_px=stride_px,
        cell_px=CELL_PX,
    )


def directions(vectors: np.ndarray) -> np.ndarray:
    """Return vectors in 8 bits."""
    steps: np.ndarray = np.rint(vectors / np.abs(vectors).max(axis=-1, keepdims=True) * 127)
    return steps.astype(np.int8)


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
    kept = chunk_map(segmenter, picture(segmenter.chip_px * 3 // 2))
    first = seconds(lambda: label_map(kept, words[5], threshold=OTHER_THRESHOLD, every_pixel=False))
    print(f"compiling, or reading what was compiled, and the first map: {first:.2f} s")
    network: list[float] = []
    labels: dict[int, list[float]] = {count: [] for count in words}
    for turn in range(TURNS):
        network.append(network_s(segmenter, turn))
        for count, each in words.items():
            label = functools.partial(label_map, kept, each, threshold=OTHER_THRESHOLD, every_pixel=False)
            taken = seconds(label)
            labels[count].append(taken / np.prod(kept.size_px) * 1e6)
    print(f"the network: {min(network):.3f} s a megapixel")
    ratios = {count: min(each) / min(network) for count, each in labels.items()}
    for count, ratio in ratios.items():
        print(
            f"{count} classes: {1000 * min(labels[count]):.1f} ms, {ratio:.4f} of it, at most {MOST[count]}"
        )
    return int(any(ratio > MOST[count] for count, ratio in ratios.items()))


if __name__ == "__main__":
    sys.exit(main())
