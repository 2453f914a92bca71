"""Labels are made of stored proposals where torch is absent, and are those of the run, to the bit."""

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mrovseg.segmenter import MrovsegSegmenter
from mrovseg.weights import checkpoint as checkpoints
from mrovseg.weights.header import EMBEDDED
from mrovseg.weights.vocabulary import embed_vocabulary
from mrovseg.words.embedded import EmbeddedVocabulary
from mrovseg.words.vocabulary import parse
from pipeline.geometry.chips import cover
from pipeline.geometry.window import Window
from pipeline.segment import Segmenter, layout_of, propose_window, segment_window
from tests.mrovseg.networks import SMALL, all_weights, vocabulary

ROOT = Path(__file__).resolve().parents[1]
THRESHOLD = 0.01
LABEL = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "open_clip", "timm", "safetensors", "wordllama", "jobs"):
            raise ModuleNotFoundError(f"{name} is absent", name=name)

sys.meta_path.insert(0, Absent())
import numpy as np
from mrovseg.labels.labeller import Labeller
from mrovseg.words.embedded import EmbeddedVocabulary
from pipeline.segment import WindowProposals, label_window
from pipeline.geometry.window import Window

folder, threshold, stride_px, chunk_px, *window = sys.argv[1:]
stored = {
    name: dict(np.load(f"{folder}/{name}.npz", allow_pickle=False)) for name in ("proposals", "vocabulary", "valid")
}
vocabulary = EmbeddedVocabulary.from_arrays(stored["vocabulary"])
labeller = Labeller(vocabulary=vocabulary, threshold=float(threshold), stride_px=int(stride_px))
labels = label_window(
    labeller,
    WindowProposals(chunk_px=int(chunk_px), **stored["proposals"]),
    stored["valid"]["valid"],
    window=Window(*map(int, window)),
    classes=vocabulary.classes,
)
assert "torch" not in sys.modules
np.savez(f"{folder}/labels.npz", mask=labels.mask, score=labels.score, margin=labels.margin)
"""


def small(*, untaught: tuple[int, ...], classes: int) -> tuple[Segmenter, EmbeddedVocabulary]:
    words = dataclasses.replace(
        vocabulary(classes + 2, seed=2),
        scale=20.0,
        classes=classes,
        background=("car", "sand"),
        untaught=untaught,
    )
    weights = {name: a for name, a in all_weights(SMALL).items() if name.startswith(("visual.", "head."))}
    return MrovsegSegmenter(SMALL, weights, words, step_px=64, threshold=THRESHOLD), words


def tiny() -> tuple[Segmenter, EmbeddedVocabulary]:
    checkpoint = checkpoints.load(EMBEDDED)
    words = parse("building,house; road; trees; water; grass; airport; baseball field; parking lot")
    embedded, _ = embed_vocabulary(checkpoint, words)
    assert sum(each < embedded.classes for each in embedded.untaught) >= 2
    made = MrovsegSegmenter(
        checkpoint.config, checkpoint.image_weights, embedded, step_px=288, threshold=THRESHOLD
    )
    return made, embedded


@pytest.mark.parametrize("made", ["taught", "untaught", "many", "tiny"])
def test_a_window_is_labelled_from_what_is_stored_where_torch_is_absent(made: str, tmp_path: Path) -> None:
    segmenter, words = {
        "taught": lambda: small(untaught=(), classes=4),
        "untaught": lambda: small(untaught=(1, 2), classes=4),
        "many": lambda: small(untaught=(), classes=300),
        "tiny": tiny,
    }[made]()
    chunk_px = segmenter.step_px
    window, scene_px = Window(chunk_px, 0, chunk_px, 3 * chunk_px - 7), (3 * chunk_px, 3 * chunk_px - 7)
    area = cover(window, layout_of(segmenter), scene_px=scene_px)
    random = np.random.default_rng(1)
    pixels = random.integers(0, 256, (area.height // 8 + 1, area.width // 8 + 1, 3), np.uint8)
    pixels = np.ascontiguousarray(pixels.repeat(8, 0).repeat(8, 1)[: area.height, : area.width])
    valid = np.ascontiguousarray(random.random((area.height, area.width)) < 0.9)
    inside = valid[window.slices_in(area)]
    lying: dict[str, Any] = {"window": window, "scene_px": scene_px, "chunk_px": chunk_px}
    run = segment_window(segmenter, pixels, valid, **lying, classes=words.classes)
    proposals = propose_window(segmenter, pixels, valid, **lying)
    arrays = {each.name: getattr(proposals, each.name) for each in dataclasses.fields(proposals)}
    del arrays["chunk_px"]
    np.savez(tmp_path / "proposals.npz", allow_pickle=False, **arrays)
    np.savez(tmp_path / "vocabulary.npz", allow_pickle=False, **words.to_arrays())
    np.savez(tmp_path / "valid.npz", valid=inside)
    plain = map(str, (tmp_path, THRESHOLD, segmenter.stride_px, chunk_px, *dataclasses.astuple(window)))
    done = subprocess.run(
        [sys.executable, "-c", LABEL, *plain], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    labels = np.load(tmp_path / "labels.npz")
    for name in ("mask", "score", "margin"):
        expected = getattr(run, name)
        assert labels[name].dtype == expected.dtype
        assert labels[name].tobytes() == expected.tobytes()
    assert len(np.unique(run.score)) > 3
    assert run.mask[inside].any()
