"""Where a checkpoint meets the words of a user: what it says of them."""

import pytest

from jobs.wiring import embed_aloud
from mrovseg import checkpoint as checkpoints
from mrovseg.vocabulary import parse


def test_words_that_are_left_out_or_told_by_patches_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    tiny = checkpoints.load(checkpoints.EMBEDDED)
    words = parse("building,elephant; lake; storage tanks; road; stadium")
    embedded = embed_aloud(tiny, words)
    assert embedded.untaught == (2, 4)
    first, second = capsys.readouterr().err.splitlines()
    assert "nothing like 'elephant'; the prompt is left out" in first
    assert "no masks of anything like storage tanks, stadium, which" in second
    assert embed_aloud(tiny, parse("house; sand; highway; plants; lake")).untaught == ()
    assert capsys.readouterr().err == ""
