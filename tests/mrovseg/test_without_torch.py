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
from mrovseg.labels.top_two import top_two
found = top_two(np.eye(2, dtype=np.float32), np.zeros((1, 2, 2), np.uint8), np.ones((1, 2, 2), np.float32), stride_px=4)
assert (found.winner == 1).all() and found.best.shape == (8, 8)
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
