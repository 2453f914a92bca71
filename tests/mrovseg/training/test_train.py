"""Training: a killed run goes on bit for bit, states and recipes are refused when they do not fit."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mrovseg.data.labelled import LabelledImage, LabelledSet
from mrovseg.data.training_data import TrainingData, WordSet
from mrovseg.device import has_fast_bfloat16
from mrovseg.errors import DataError, ModelConfigError
from mrovseg.training.history import History
from mrovseg.training.initial_weights import InitialWeights
from mrovseg.training.train import Recipe, train
from mrovseg.weights import checkpoint
from mrovseg.words.vocabulary import parse
from tests.mrovseg.networks import SMALL, all_weights

RECIPE: dict[str, Any] = {
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


def small_data() -> TrainingData:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.repeat(rng.integers(1, 3, (10, 10), np.uint8), 40, 0), 40, 1)
    pixels = (labels[..., None] * 90 + rng.integers(0, 40, (400, 400, 3))).astype(np.uint8)
    sets = [LabelledSet(parse("water; roof"), [LabelledImage("squares", pixels, labels)])]
    words = WordSet(parse("water; roof"), [pixels[:150, :150], pixels[150:300, :150]], [0, 1])
    return TrainingData(sets, words)


def train_small(folder: str) -> None:
    train(Recipe.from_dict(RECIPE), small_data(), InitialWeights(), history=History(Path(folder)))


def started(folder: Path) -> subprocess.Popen[bytes]:
    call = f"from tests.mrovseg.training.test_train import train_small; train_small({str(folder)!r})"
    return subprocess.Popen([sys.executable, "-c", call], stderr=subprocess.DEVNULL)


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
    assert trained.known_phrases == trained.taught_phrases == ("roof", "water")
    other = dataclasses.replace(Recipe.from_dict(RECIPE), seed=8)
    with pytest.raises(DataError, match=r"another seed \(seed: 3 there, 8 now\)"):
        train(other, small_data(), InitialWeights(), history=History(whole))


@pytest.mark.parametrize(
    ("known", "expected"), [(None, None), (["roof", "sky"], ("roof", "sky", "water"))], ids=["any", "listed"]
)
def test_a_head_on_a_checkpoint_adds_its_own_words_to_what_is_known(
    known: list[str] | None, expected: tuple[str, ...] | None, tmp_path: Path
) -> None:
    """Without, a word that masks were shown of would be left out as one for nothing."""
    path = tmp_path / "source.safetensors"
    checkpoint.save(path, config=SMALL, weights=all_weights(SMALL), known_phrases=known)
    recipe = Recipe.from_dict({"seed": 3, "masks": RECIPE["masks"] | {"steps": 1, "bfloat16": True}})
    said: list[str] = []
    history = History(tmp_path / "out", log=said.append)
    source = checkpoint.load(str(path))
    trained = checkpoint.load(
        str(train(recipe, small_data(), InitialWeights(source=source), history=history))
    )
    assert trained.known_phrases == expected
    assert trained.taught_phrases == ("roof", "water")
    assert any("no instructions for bfloat16" in line for line in said) is not has_fast_bfloat16()


@pytest.mark.parametrize("broken", [{"masks": {}}, {"seed": 1, "speed": 2}])
def test_a_recipe_with_a_wrong_key_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(ModelConfigError, match="recipe"):
        Recipe.from_dict(RECIPE | broken)
