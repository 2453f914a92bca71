"""What words, labels, data and checkpoints need is there without torch; a library is absent by being blocked."""

import subprocess
import sys

import pytest

BLOCKED = """
import sys
sys.modules["torch"] = sys.modules["open_clip"] = sys.modules["torchvision"] = None
"""
PARSE = """
from mrovseg.words.vocabulary import parse
assert parse("road; water").names == ("road", "water")
"""
LABEL = """
import numpy as np
from mrovseg.labels.labeller import Labeller
from mrovseg.words.embedded import EmbeddedVocabulary
words = EmbeddedVocabulary(np.eye(2, dtype=np.float32), np.arange(2), 2, np.zeros(2, np.float32), scale=100)
kept = {
    "embeddings": 127 * np.eye(2, dtype=np.int8),
    "index": np.zeros((4, 4, 1), np.uint16),
    "weight": np.full((4, 4, 1), 15, np.uint8),
}
labeller = Labeller(vocabulary=words, threshold=0.2, stride_px=4)
found = labeller.label(kept, size_px=(8, 8), every_pixel=True)
assert (found.class_id == 1).all() and (found.score == 254).all() and found.score.shape == (8, 8)
"""
EMBED = """
from mrovseg.words.embedding import BARE_TEMPLATE, embed
from mrovseg.words.sentences import SentenceEncoder
from mrovseg.words.vocabulary import parse
embedded = embed(parse("road; water"), SentenceEncoder(), templates=BARE_TEMPLATE, no_object=None, scale=1)
assert embedded.vectors.shape == (2, 256)
"""
LOAD = """
from mrovseg.weights import checkpoint, header
assert checkpoint.load(header.EMBEDDED).config == header.read_config(header.EMBEDDED)
"""
MEASURE = """
import mrovseg.data.reading, mrovseg.data.sampling, mrovseg.data.training_data, mrovseg.evaluation.evaluate
"""


@pytest.mark.parametrize("code", [PARSE, LABEL, EMBED, LOAD, MEASURE])
def test_it_runs_where_there_is_no_torch(code: str) -> None:
    found = subprocess.run(
        [sys.executable, "-c", BLOCKED + code], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr


def test_the_block_is_noticed_by_what_needs_torch() -> None:
    code = BLOCKED + "import mrovseg.weights.loading"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ModuleNotFoundError" in found.stderr
