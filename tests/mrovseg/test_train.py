"""Training: a killed run goes on bit for bit, states and recipes are refused when they do not fit."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mrovseg import checkpoint
from mrovseg.data import LabelledImage, LabelledSet, WordSet
from mrovseg.errors import CheckpointError, ModelConfigError
from mrovseg.train import Recipe, StageRecipe, rate_factor, run_stage, train
from mrovseg.vocabulary import parse

RECIPE = {
    "seed": 3,
    "contrast": {
        "threads": 1,
        "steps": 6,
        "slices_a_step": 4,
        "sizes": [2],
        "images": 2,
        "rate": 1e-3,
        "matrix_rate": 1e-3,
        "save_every": 2,
    },
    "masks": {
        "threads": 1,
        "steps": 6,
        "slices_a_step": 4,
        "sizes": [1, 2],
        "rate": 1e-3,
        "matrix_rate": 1e-3,
        "points": 64,
        "save_every": 2,
    },
}
LINE = StageRecipe(
    threads=1, steps=12, slices_a_step=1, sizes=(1,), rate=0.1, matrix_rate=0.1, save_every=4, warmup_steps=2
)


def small_sets() -> tuple[list[LabelledSet], WordSet]:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.repeat(rng.integers(1, 3, (10, 10), np.uint8), 40, 0), 40, 1)
    pixels = (labels[..., None] * 90 + rng.integers(0, 40, (400, 400, 3))).astype(np.uint8)
    sets = [LabelledSet(parse("water; roof"), [LabelledImage("squares", pixels, labels)])]
    return sets, WordSet(parse("water; roof"), [pixels[:150, :150], pixels[150:300, :150]], [0, 1])


def train_small(folder: str) -> None:
    train(Recipe.from_dict(RECIPE), *small_sets(), folder=Path(folder))


def started(folder: Path) -> subprocess.Popen[bytes]:
    call = f"from tests.mrovseg.test_train import train_small; train_small({str(folder)!r})"
    return subprocess.Popen([sys.executable, "-c", call], stderr=subprocess.DEVNULL)


def line_loss(module: nn.Linear, step: int) -> dict[str, torch.Tensor]:
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(step))
    return {"square": (module(x) - x.sum(1, keepdim=True)).square().mean()}


def trained_line(folder: Path, *, stop_at: int | None = None) -> torch.Tensor:
    torch.manual_seed(0)
    module = nn.Linear(3, 1)

    def losses(step: int) -> dict[str, torch.Tensor]:
        if step == stop_at:
            raise KeyboardInterrupt
        return line_loss(module, step)

    run_stage("line", module, LINE, folder=folder, seed=1, losses=losses)
    return module.weight.detach()


@pytest.mark.slow
def test_a_killed_training_goes_on_bit_for_bit(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert started(whole).wait() == 0
    process = started(killed)
    while not (killed / "contrast.safetensors").exists():
        assert process.poll() is None, "the training ended before it could be killed"
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (killed / "checkpoint.safetensors").exists()
    assert started(killed).wait() == 0
    assert (killed / "checkpoint.safetensors").read_bytes() == (whole / "checkpoint.safetensors").read_bytes()
    trained = checkpoint.load(str(whole / "checkpoint.safetensors"))
    assert trained.known_phrases == ("roof", "water")


@pytest.mark.parametrize("stop_at", [1, 4, 9])
def test_a_stopped_stage_ends_where_an_undisturbed_one_does(tmp_path: Path, stop_at: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        trained_line(tmp_path / "stopped", stop_at=stop_at)
    assert torch.equal(trained_line(tmp_path / "stopped"), trained_line(tmp_path / "whole"))


def test_a_finished_stage_is_not_run_again(tmp_path: Path) -> None:
    first = trained_line(tmp_path)
    assert torch.equal(trained_line(tmp_path, stop_at=0), first)


def test_the_state_of_another_network_is_refused(tmp_path: Path) -> None:
    trained_line(tmp_path)
    with pytest.raises(CheckpointError, match="another network"):
        run_stage("line", nn.Bilinear(1, 1, 1), LINE, folder=tmp_path, seed=1, losses=lambda _: {})


def test_the_rate_rises_then_falls_to_nothing() -> None:
    recipe = dataclasses.replace(LINE, steps=100, warmup_steps=10)
    factors = [rate_factor(step, recipe) for step in range(100)]
    assert np.argmax(factors) == 9
    assert np.all(np.diff(factors[9:]) < 0)
    assert factors[-1] == pytest.approx((1 / 100) ** 0.9)


@pytest.mark.parametrize("broken", [{"masks": {}}, {"seed": 1, "speed": 2}])
def test_a_recipe_with_a_wrong_key_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(ModelConfigError, match="recipe"):
        Recipe.from_dict(RECIPE | broken)
