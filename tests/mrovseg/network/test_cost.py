"""The count of a network's cost against the same count by formula."""

import pytest

from mrovseg.network.config import ModelConfig, reference_head, slices_for
from mrovseg.network.cost import parts
from mrovseg.weights.pretrained import model_config
from tests.mrovseg.networks import SMALL, network


def encoder_macs(config: ModelConfig, *, slices: int, depth: int) -> int:
    """Patches, then in each block q, k, v and out (4 w^2 a token), the MLP (8 w^2) and attention (2 w a pair)."""
    vision = config.clip["vision_cfg"]
    w, grid = vision["width"], config.slice_px // vision["patch_size"]
    tokens = grid**2 + 1
    block = 12 * tokens * w**2 + 2 * tokens**2 * w
    image: int = grid**2 * 3 * vision["patch_size"] ** 2 * w + depth * block
    return (1 + slices**2) * image


@pytest.mark.parametrize("slices", [1, 2, 3])
def test_the_encoder_counts_as_by_formula(slices: int) -> None:
    encoder, *_ = parts(SMALL, chip_px=slices * SMALL.slice_px)
    assert encoder.macs == encoder_macs(SMALL, slices=slices, depth=4)
    (alone,) = parts(SMALL.headless(), chip_px=slices * SMALL.slice_px)
    assert alone == encoder


def test_parts_are_the_whole_network_and_only_the_head_is_trained() -> None:
    model = network(SMALL)
    found = parts(SMALL, chip_px=SMALL.chip_px)
    assert sum(part.parameters for part in found) == sum(p.numel() for p in model.parameters())
    assert [part.trained for part in found] == [False, *[True] * (len(found) - 1)]
    assert all(part.macs > 0 for part in found)


@pytest.mark.parametrize(("name", "most"), [("ViT-B-16-quickgelu", 0.15), ("ViT-L-14-336-quickgelu", 0.08)])
def test_the_head_costs_little_beside_a_full_size_encoder(name: str, most: float) -> None:
    clip = model_config(name)
    vision = clip["vision_cfg"]
    slices = slices_for(vision["image_size"])
    config = ModelConfig(clip, slices, reference_head(vision["layers"]))
    encoder, *head = parts(config, chip_px=config.chip_px)
    assert config.chip_px == 1344
    assert encoder.macs == encoder_macs(
        config, slices=slices, depth=vision["layers"] - 1
    )  # all that the head reads
    assert all(part.macs > 0 for part in head)
    assert sum(part.macs for part in head) <= most * encoder.macs
