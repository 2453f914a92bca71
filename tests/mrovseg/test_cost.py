"""The count of a network's cost against the same count by formula."""

import pytest

from mrovseg.config import ModelConfig
from mrovseg.cost import parts
from tests.mrovseg.networks import SMALL, network


def encoder_macs(config: ModelConfig, *, slices: int) -> int:
    """Patches, then in each block q, k, v and out (4 w^2 a token), the MLP (8 w^2) and attention (2 w a pair)."""
    vision = config.clip["vision_cfg"]
    w, grid = vision["width"], config.slice_px // vision["patch_size"]
    tokens = grid**2 + 1
    block = 12 * tokens * w**2 + 2 * tokens**2 * w
    image: int = grid**2 * 3 * vision["patch_size"] ** 2 * w + vision["layers"] * block
    return (1 + slices**2) * image


@pytest.mark.parametrize("slices", [1, 2, 3])
def test_the_encoder_counts_as_by_formula(slices: int) -> None:
    encoder, *_ = parts(network(SMALL), chip_px=slices * SMALL.slice_px)
    assert encoder.macs == encoder_macs(SMALL, slices=slices)
    (alone,) = parts(network(SMALL.headless()), chip_px=slices * SMALL.slice_px)
    assert alone == encoder


def test_parts_are_the_whole_network_and_only_the_head_is_trained() -> None:
    model = network(SMALL)
    found = parts(model, chip_px=SMALL.chip_px)
    assert sum(part.parameters for part in found) == sum(p.numel() for p in model.parameters())
    assert [part.trained for part in found] == [False, *[True] * (len(found) - 1)]
    assert all(part.macs > 0 for part in found)
