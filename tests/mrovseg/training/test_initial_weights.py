"""What a training begins with, and what of it a checkpoint keeps."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from mrovseg.network.config import TINY, reference_head
from mrovseg.training.initial_weights import MAX_SCALE, InitialWeights, TrainableNetwork
from mrovseg.training.worker import CPU
from mrovseg.weights import checkpoint, encoding
from tests.mrovseg.networks import SMALL, SMALL_HEAD, all_weights


@pytest.fixture
def source(tmp_path: Path) -> checkpoint.Checkpoint:
    checkpoint.save(
        tmp_path / "source.safetensors", config=SMALL, weights=all_weights(SMALL), known_phrases=None
    )
    return checkpoint.load(str(tmp_path / "source.safetensors"))


@pytest.mark.parametrize("with_head", [True, False])
def test_a_head_is_put_on_a_checkpoints_own_frozen_encoders(
    source: checkpoint.Checkpoint, *, with_head: bool
) -> None:
    if not with_head:
        source = dataclasses.replace(source, config=source.config.headless())
    networks = TrainableNetwork.create(InitialWeights(source=source), seed=0, device=CPU)
    expected = SMALL_HEAD if with_head else reference_head(4)
    assert networks.model.config == dataclasses.replace(SMALL, head=expected)
    assert networks.scale == pytest.approx(source.scale)
    np.testing.assert_array_equal(networks.model.encoder.visual.proj, source.weights["visual.proj"])
    np.testing.assert_array_equal(networks.encode(["road"]), encoding.encode_text(source, ["road"]))
    assert not any(p.requires_grad for p in networks.model.encoder.parameters())
    other = dataclasses.replace(expected, queries=5)
    told = TrainableNetwork.create(InitialWeights(source=source, head=other), seed=0, device=CPU)
    assert told.model.config.head == other


def test_a_checkpoints_encoders_are_saved_bit_for_bit_and_what_was_trained_in_halves(
    source: checkpoint.Checkpoint, tmp_path: Path
) -> None:
    networks = TrainableNetwork.create(InitialWeights(source=source), seed=0, device=CPU)
    networks.save(tmp_path / "saved.safetensors", known=None, taught=["road"])
    saved = checkpoint.load(str(tmp_path / "saved.safetensors"))
    for name, array in source.weights.items():
        if not name.startswith("head."):
            assert np.array_equal(saved.weights[name], array), name
    head = saved.weights["head.mask_decoder.feature"]
    assert np.array_equal(head, head.astype(np.float16).astype(np.float32))
    assert (saved.known_phrases, saved.taught_phrases) == (None, ("road",))


def test_the_tiny_network_begins_by_its_seed_and_its_scale_is_bounded() -> None:
    one, same, other = (
        TrainableNetwork.create(InitialWeights(), seed=seed, device=CPU) for seed in (1, 1, 2)
    )
    assert one.model.config == TINY
    weights = [n.model.encoder.visual.proj.detach() for n in (one, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    with torch.no_grad():
        one.log_scale.fill_(9.0)
    assert one.scale == MAX_SCALE
