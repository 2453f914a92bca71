"""Where a checkpoint meets the words of a user: what it says of them."""

import pytest

from jobs.wiring import embed_aloud, say_classes
from mrovseg import checkpoint as checkpoints
from mrovseg.vocabulary import parse


def test_words_that_are_left_out_or_told_by_patches_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    tiny = checkpoints.load(checkpoints.EMBEDDED)
    words = parse("building,elephant; lake; storage tanks; road; stadium")
    embedded = embed_aloud(tiny, words)
    assert [i for i in embedded.untaught if i < embedded.classes] == [2, 4]
    first, second, third = capsys.readouterr().err.splitlines()
    assert "nothing like 'elephant'; the prompt is left out" in first
    assert "no masks of anything like storage tanks, stadium, which" in second
    assert "class 0  other: also what is more like land, vegetation" in third
    assert embed_aloud(tiny, parse("house; sand; highway; plants; lake")).untaught == ()
    assert capsys.readouterr().err == ""


def test_the_classes_that_were_read_are_said_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    say_classes(parse("building, house; road"))
    assert capsys.readouterr().err.splitlines() == ["class 1  building: 'building', 'house'", "class 2  road"]
    say_classes(parse(";".join(f"word {i}" for i in range(5000))))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 21
    assert lines[-1] == "and 4980 more classes"


def test_commas_without_a_semicolon_are_warned_of_and_the_remedy_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say_classes(parse("water, road, building"))
    warning = capsys.readouterr().err.splitlines()[-1]
    assert "this is one class" in warning
    assert "--classes 'water; road; building' would be 3" in warning
    for others in ("water; road", "water, lake; road", "water"):
        say_classes(parse(others))
        assert "warning" not in capsys.readouterr().err


def test_a_thousand_unknown_words_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    tiny = checkpoints.load(checkpoints.EMBEDDED)
    embed_aloud(tiny, parse("road; " + "; ".join(f"zyzzyva{i}" for i in range(1000))))
    said = capsys.readouterr().err
    assert "and 980 more; these prompts are left out" in said
    assert max(map(len, said.splitlines())) < 1000
