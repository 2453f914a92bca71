"""Where a checkpoint meets the words of a user: what it says of them."""

import pytest
import torch

from jobs.run.wiring import choose_execution
from jobs.run.words.embedding import embed_and_warn
from jobs.run.words.saying import say_classes
from mrovseg.device import Execution
from mrovseg.weights import checkpoint as checkpoints
from mrovseg.weights.header import EMBEDDED
from mrovseg.words.vocabulary import parse
from pipeline.config import FlowSettings
from pipeline.flow import WorkerCounts


def test_words_that_are_left_out_or_told_by_patches_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    tiny = checkpoints.load(EMBEDDED)
    words = parse("building,elephant; lake; storage tanks; road; stadium")
    embedded = embed_and_warn(tiny, words)
    assert [i for i in embedded.untaught if i < embedded.classes] == [2, 4]
    first, second, third = capsys.readouterr().err.splitlines()
    assert "nothing like 'elephant'; the prompt is left out" in first
    assert "no masks of anything like storage tanks, stadium, which" in second
    assert "class 0  other: also what is more like land, vegetation" in third
    assert embed_and_warn(tiny, parse("house; sand; highway; plants; lake")).untaught == ()
    assert capsys.readouterr().err == ""


def test_a_run_names_its_actors_device_precision_and_ground_size(capsys: pytest.CaptureFixture[str]) -> None:
    flow, room = FlowSettings(actor_cpus=2, window_px=1024), WorkerCounts(3, 3)
    found = choose_execution("auto", room=room, flow=flow, gsd_m=0.5)
    assert found == Execution(device="cpu", precision="float32")
    (said,) = capsys.readouterr().err.splitlines()
    assert said == "mrovseg: 3 actors of 2 CPUs, on cpu in float32; windows of 1024 px; ground size: 0.5 m"


@pytest.mark.skipif(torch.version.cuda is not None, reason="this torch was built for GPUs")
def test_gpus_that_torch_was_not_built_for_are_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    found = choose_execution("auto", room=WorkerCounts(2, 2, 1), flow=FlowSettings(), gsd_m=None)
    assert found == Execution(device="cpu", precision="float32")
    first, second = capsys.readouterr().err.splitlines()
    assert "2 actors of 0.9 CPUs and 1 GPUs, on cpu" in first
    assert "warning: the cluster has GPUs" in second


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
    tiny = checkpoints.load(EMBEDDED)
    embed_and_warn(tiny, parse("road; " + "; ".join(f"zyzzyva{i}" for i in range(1000))))
    said = capsys.readouterr().err
    assert "and 980 more; these prompts are left out" in said
    assert max(map(len, said.splitlines())) < 1000
