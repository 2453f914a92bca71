"""How much faster are other words over kept proposals than a run of the network? Dubai tile 7, twenty classes.

`python -m tests.bench.relabel` segments the tile's nine parts, laid together, and labels what that kept again by twenty
other classes. It prints how long both commands took and, on one thread, the CPU time a megapixel of what is done window
by window: read, propose, label and write against read, label and write. It ends with 1 where the latter is not 40 times
faster. What a command takes to start, most of it Ray's processes, is the same for any number of windows.
"""

import io
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from jobs.run.proposals import chip_layout
from jobs.run.wiring import make_segmenter
from mrovseg.data.definition import Definition
from mrovseg.labels.labeller import Labeller
from mrovseg.labels.pixel_values import OTHER_THRESHOLD
from mrovseg.segmenter import MrovsegSegmenter
from mrovseg.weights import checkpoint as checkpoints
from mrovseg.weights.header import EMBEDDED
from mrovseg.weights.vocabulary import embed_vocabulary
from mrovseg.words.embedded import EmbeddedVocabulary
from mrovseg.words.vocabulary import Vocabulary
from pipeline import raster, store
from pipeline.geometry.chips import cover
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.view import View
from pipeline.geometry.window import Window
from pipeline.output import Output, SceneOutput, ledger
from pipeline.segment import WindowLabels, WindowProposals, label_window, layout_of, propose_window
from tests.conftest import SHARED_DATA
from tests.jobs.test_real_scenes import lay_together

LEAST, WINDOW_PX, CHUNK_PX = 40, 2048, 1024
WINDOWS = 2  # that are measured one by one
DEFINITIONS = ("isaid", "openearthmap", "loveda", "floodnet", "aid")


def vocabularies() -> tuple[Vocabulary, Vocabulary]:
    """Return twenty classes, and twenty others."""
    every = (name for each in DEFINITIONS for name in Definition.named(each).vocabulary.names)
    names = list({name.casefold(): name for name in every}.values())
    halves = (tuple(names[:20]), tuple(names[20:40]))
    first, second = (Vocabulary(half, tuple((name,) for name in half)) for half in halves)
    return first, second


def command(verb: str, source: Path, words: Vocabulary, output: Path) -> float:
    """Return how long a command took, in seconds."""
    began_s = time.monotonic()
    flags = ["--classes", "; ".join(words.names), "-o", str(output)]
    subprocess.run(
        [sys.executable, "-m", "jobs.cli", verb, str(source), *flags], capture_output=True, check=True
    )
    return time.monotonic() - began_s


@contextmanager
def counting(into: list[float]) -> Iterator[None]:
    """Append the CPU time of the body."""
    began = time.process_time()
    yield
    into.append(time.process_time() - began)


class Windows:
    """A scene of an output, done again window by window into two outputs of their own."""

    def __init__(self, source: Path, words: EmbeddedVocabulary, names: Sequence[str], folder: Path) -> None:
        self.words, self.names = words, names
        output = Output(str(source))
        (scene_id,) = output.scene_ids()
        self.theirs = output.scene(scene_id)
        self.view = View.from_values(json.loads((source / "inputs" / f"{scene_id}.json").read_text())["view"])
        kept = store.contents_of(self.theirs)
        self.contents = {"segment": kept, "relabel": store.Contents(score_stride_px=kept.score_stride_px)}
        self.mine = {
            name: self._laid_out(Output(str(folder / name)).scene(scene_id), name) for name in self.contents
        }

    def _laid_out(self, scene: SceneOutput, name: str) -> SceneOutput:
        header = self.view.header
        store.lay_out(
            scene, header=header, classes=self.names, chunk_px=CHUNK_PX, contents=self.contents[name]
        )
        return scene

    @property
    def windows(self) -> list[Window]:
        """The first of the scene."""
        header = self.view.header
        every = plan_windows(header.height, header.width, window_px=WINDOW_PX)
        return list(itertools.islice(every, WINDOWS))

    def segment(self, segmenter: MrovsegSegmenter, window: Window) -> WindowLabels:
        """Do what a run of the network does."""
        header = self.view.header
        scene_px = (header.height, header.width)
        area = cover(window, layout_of(segmenter), scene_px=scene_px)
        pixels, valid = raster.read_view(self.view, area)
        proposals = propose_window(
            segmenter, pixels, valid, window=window, scene_px=scene_px, chunk_px=CHUNK_PX
        )
        inside = valid[window.slices_in(area)]
        labels = label_window(segmenter, proposals, inside, window=window, classes=self.words.classes)
        return self._written("segment", labels, window, proposals)

    def relabel(self, labeller: Labeller, window: Window) -> WindowLabels:
        """Do what labelling again does."""
        entry = ledger.entry_of(self.theirs, window)
        assert entry is not None
        kept = store.read_kept(self.theirs, window, digests=entry.digests)
        proposals = WindowProposals(chunk_px=kept.chunk_px, **kept.proposals)
        valid = kept.class_ids != np.iinfo(kept.class_ids.dtype).max
        labels = label_window(labeller, proposals, valid, window=window, classes=self.words.classes)
        return self._written("relabel", labels, window, proposals)

    def _written(
        self, name: str, labels: WindowLabels, window: Window, proposals: WindowProposals
    ) -> WindowLabels:
        arrays = {"class": labels.mask, "score": labels.score, "margin": labels.margin}
        maps = {each: getattr(proposals, each) for each in self.contents[name].maps}
        store.write(self.mine[name], arrays, window=window, proposals=maps)
        return labels


def window_by_window(source: Path, words: Vocabulary, folder: Path) -> dict[str, float]:
    """Return the CPU time of both, in seconds a megapixel; their labels have to be the same."""
    checkpoint = checkpoints.load(EMBEDDED)
    embedded, _ = embed_vocabulary(checkpoint, words)
    segmenter = make_segmenter(
        checkpoint.image_weights,
        config=checkpoint.config,
        vocabulary=embedded,
        threshold=OTHER_THRESHOLD,
        step_px=chip_layout(checkpoint.config).step_px,
    )
    labeller = Labeller(vocabulary=embedded, threshold=OTHER_THRESHOLD, stride_px=segmenter.stride_px)
    done = Windows(source, embedded, words.names, folder)
    done.relabel(labeller, done.windows[0])  # what is compiled is read here
    took: dict[str, list[float]] = {"segment": [], "relabel": []}
    for window in done.windows:
        with counting(took["relabel"]):
            again = done.relabel(labeller, window)
        with counting(took["segment"]):
            run = done.segment(segmenter, window)
        for name in ("mask", "score", "margin"):
            np.testing.assert_array_equal(getattr(again, name), getattr(run, name))
    pixels = sum(window.height * window.width for window in done.windows)
    return {name: sum(each) / pixels * 1e6 for name, each in took.items()}


def main() -> int:
    """Run both, measure, print, and compare with the limit."""
    parts = sorted((SHARED_DATA / "semseg/dubai/tile7/images").glob("*.jpg"))
    first, second = vocabularies()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        scene = lay_together(parts, folder / "tile7.tif", cols=3)
        walls = [
            command("segment", scene, first, folder / "out"),
            command("relabel", folder / "out", second, folder / "other"),
        ]
        rows = pq.read_table(io.BytesIO((folder / "other/summary.parquet").read_bytes())).to_pylist()
        each = window_by_window(folder / "out", second, folder / "windows")
    ratio = each["segment"] / each["relabel"]
    print(f"{sum(row['pixels'] for row in rows) / 1e6:.1f} Mpx, by {len(second.names)} other classes")
    print(
        f"whole commands: segment {walls[0]:.1f} s, relabel {walls[1]:.1f} s, {walls[0] / walls[1]:.1f} times faster"
    )
    print(
        f"CPU a megapixel: segment {each['segment']:.3f} s, relabel {each['relabel']:.4f} s, {ratio:.0f} times "
        f"faster, at least {LEAST}"
    )
    return int(ratio < LEAST)


if __name__ == "__main__":
    sys.exit(main())
