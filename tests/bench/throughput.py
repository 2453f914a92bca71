"""What does the flow lose? One actor of one thread against the bare model on the same pixels.

`python -m tests.bench.throughput` segments a painted scene by the embedded checkpoint, once through the
flow and once by plain calls in one process that holds all pixels, and ends with 1 where the flow reaches
less than 0.80 of the bare model's megapixels a second. The flow keeps proposals and scores of places, as it does by
default.

The flow's time is of a whole run, from planning to the summary, less the same run with nothing left to do:
starting workers and loading the model are no part of it, reading, writing and statistics are. Both take
turns, because a shared machine's speed drifts, and the best of each counts.
"""

import functools
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ray

from jobs.run.proposals import chip_layout, proposals_layout
from jobs.run.wiring import make_segmenter
from mrovseg.labels.pixel_values import OTHER_THRESHOLD
from mrovseg.segmenter import MrovsegSegmenter
from mrovseg.weights import checkpoint as checkpoints
from mrovseg.weights.vocabulary import embed_vocabulary
from mrovseg.words.vocabulary import parse
from pipeline import flow, raster
from pipeline.config import FlowSettings
from pipeline.geometry.chips import cover
from pipeline.geometry.grid import plan_windows
from pipeline.output import Output
from pipeline.segment import segment_window
from pipeline.sources.naming import scene_of
from pipeline.store import chosen_contents
from pipeline.testing import painted

SIDE_PX, WINDOW_PX = 4096, 1024
LEAST = 0.80
TURNS = 2
WORDS = "building; road; vegetation; water"


class Model:
    """The embedded checkpoint and how an actor makes its segmenter."""

    def __init__(self) -> None:
        self.checkpoint = checkpoints.load("tiny")
        self.vocabulary, _ = embed_vocabulary(self.checkpoint, parse(WORDS))
        config = self.checkpoint.config
        self.layout = chip_layout(config)
        kept = proposals_layout(self.checkpoint, self.layout, chunk_px=WINDOW_PX)
        self.contents = chosen_contents(kept, scores="places", proposals=True)
        self.make = functools.partial(
            make_segmenter,
            config=config,
            vocabulary=self.vocabulary,
            step_px=self.layout.step_px,
            threshold=OTHER_THRESHOLD,
        )

    def segmenter(self) -> MrovsegSegmenter:
        return self.make(self.checkpoint.image_weights)


def flow_s(model: Model, scene: Path, output: Path) -> float:
    """Seconds of a run, less those of one that finds everything done."""

    def run() -> None:
        result = flow.run(
            [scene_of(str(scene))],
            output=Output(str(output)),
            classes=parse(WORDS).names,
            make_segmenter=model.make,
            weights=model.checkpoint.image_weights,
            layout=model.layout,
            contents=model.contents,
            settings=FlowSettings(window_px=WINDOW_PX, chunk_px=WINDOW_PX, actors=1),
        )
        if result.failures:
            raise SystemExit(f"the run failed: {result.failures[0]}")

    return seconds(run) - seconds(run)


def bare_s(model: Model, scene: Path) -> float:
    """Seconds of the model's calls alone, in this process."""
    segmenter, classes = model.segmenter(), model.vocabulary.classes
    windows = list(plan_windows(SIDE_PX, SIDE_PX, window_px=WINDOW_PX))
    scene_px = (SIDE_PX, SIDE_PX)
    read = [
        (window, *raster.read(str(scene), cover(window, model.layout, scene_px=scene_px)))
        for window in windows
    ]

    def run() -> None:
        for window, pixels, valid in read:
            segment_window(
                segmenter,
                pixels,
                valid,
                window=window,
                scene_px=scene_px,
                chunk_px=WINDOW_PX,
                classes=classes,
            )

    return seconds(run)


def seconds(action: Callable[[], None]) -> float:
    """Wall time of an action."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def main() -> int:
    """Print both speeds and their ratio."""
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    model, flows, bares = Model(), [], []
    with tempfile.TemporaryDirectory() as folder:
        scene = Path(folder) / "scene.tif"
        painted.paint_scene(scene, height=SIDE_PX, width=SIDE_PX, seed=7)
        for turn in range(TURNS):
            bares.append(bare_s(model, scene))
            flows.append(flow_s(model, scene, Path(folder) / f"out-{turn}"))
    for name, taken in (("bare model", bares), ("flow", flows)):
        print(f"{name}: {SIDE_PX**2 / 1e6 / min(taken):.3f} Mpx/s of {[round(each, 1) for each in taken]} s")
    ratio = min(bares) / min(flows)
    print(f"ratio {ratio:.3f}, at least {LEAST}")
    return int(ratio < LEAST)


if __name__ == "__main__":
    sys.exit(main())
