"""Where a checkpoint meets the words of a user: what it says of them."""

import pytest
import torch

from jobs.wiring import choose_aloud, embed_aloud
from mrovseg import checkpoint as checkpoints
from mrovseg.device import Execution
from mrovseg.vocabulary import parse
from pipeline.config import FlowSettings
from pipeline.flow import Places


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


def test_a_run_names_its_actors_device_precision_and_ground_size(capsys: pytest.CaptureFixture[str]) -> None:
    flow, room = FlowSettings(actor_cpus=2, window_px=1024), Places(3, 3)
    found = choose_aloud("auto", room=room, flow=flow, gsd_m=0.5)
    assert found == Execution(device="cpu", precision="float32")
    (said,) = capsys.readouterr().err.splitlines()
    assert said == "mrovseg: 3 actors of 2 CPUs, on cpu in float32; windows of 1024 px; ground size: 0.5 m"


@pytest.mark.skipif(torch.version.cuda is not None, reason="this torch was built for GPUs")
def test_gpus_that_torch_was_not_built_for_are_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    found = choose_aloud("auto", room=Places(2, 2, 1), flow=FlowSettings(), gsd_m=None)
    assert found == Execution(device="cpu", precision="float32")
    first, second = capsys.readouterr().err.splitlines()
    assert "2 actors of 0.9 CPUs and 1 GPUs, on cpu" in first
    assert "warning: the cluster has GPUs" in second
