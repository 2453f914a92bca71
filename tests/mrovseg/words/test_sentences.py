"""The encoder of phrases: what means alike is alike, and nothing depends on the company."""

import logging
import subprocess
import sys

import numpy as np
import pytest

from mrovseg.words.sentences import DIMENSIONS, SentenceEncoder


@pytest.fixture(scope="module")
def encode() -> SentenceEncoder:
    return SentenceEncoder()


def test_vectors_are_of_unit_length_and_do_not_depend_on_case_or_company(encode: SentenceEncoder) -> None:
    together = encode(["Road", "a lake near the woods", "road"])
    assert together.shape == (3, DIMENSIONS)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-5)
    assert np.array_equal(together[0], together[2])
    assert np.array_equal(together[1], encode(["a lake near the woods"])[0])


@pytest.mark.parametrize(
    ("word", "near"), [("house", 0), ("sand", 1), ("highway", 2), ("plants", 3), ("lake", 4)]
)
def test_a_word_is_nearest_to_what_it_is_a_kind_of(encode: SentenceEncoder, word: str, near: int) -> None:
    classes = encode(["building", "bare ground", "road", "vegetation", "water"])
    assert int(np.argmax(classes @ encode([word])[0])) == near


def test_its_import_leaves_the_root_logger_alone() -> None:
    # Otherwise other libraries' notes appear on every user's screen.
    call = "import logging, mrovseg.words.sentences; print(logging.root.level, logging.root.handlers)"
    said = subprocess.run([sys.executable, "-c", call], check=True, capture_output=True, text=True).stdout
    assert said == f"{logging.WARNING} []\n"
