"""A checkpoint made of a CLIP of others computes what that CLIP computes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mrovseg.errors import CheckpointError, ModelConfigError
from mrovseg.network.clip import build
from mrovseg.network.config import slices_for
from mrovseg.segmenter import MrovsegSegmenter
from mrovseg.training.initial_weights import InitialWeights, TrainableNetwork
from mrovseg.training.worker import CPU
from mrovseg.weights import checkpoint, encoding, loading
from mrovseg.weights.convert import headless_network
from mrovseg.weights.vocabulary import embed_vocabulary
from mrovseg.words.vocabulary import parse
from tests.mrovseg.networks import SMALL_CLIP, chips
from tests.mrovseg.one_chip import label_chip, map_of
from tests.mrovseg.weights.layouts import random_state, write_folder, write_openai


def small_folder(tmp_path: Path, **changes: Any) -> Path:  # noqa: ANN401 -- a configuration's values
    clip = {**SMALL_CLIP, **changes}
    write_folder(random_state(clip), tmp_path / "model", clip, mean=[0.5, 0.5, 0.5])
    return tmp_path / "model"


def test_both_towers_give_what_the_clip_gives(tmp_path: Path) -> None:
    folder = small_folder(tmp_path, quick_gelu=True)
    source = converted(tmp_path / "small.safetensors", folder, slices=2)
    config = source.config
    assert (source.known_phrases, config.head, config.slices) == (None, None, 2)
    assert config.mean == (0.5, 0.5, 0.5)
    clip = build({**SMALL_CLIP, "quick_gelu": True}).eval()
    clip.load_state_dict(random_state({**SMALL_CLIP, "quick_gelu": True}))
    network = loading.network(config, source.image_weights)
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        text = loading.text_encoder(config, source.weights)
        expected = clip.encode_text(text.tokenize(["a road", "water"]), normalize=True)
        seen = network.encoder.project(network.encoder.tokens(images, {4})[4][:, 0])
        assert torch.allclose(seen, clip.encode_image(images, normalize=True), atol=1e-6)
    np.testing.assert_allclose(encoding.encode_text(source, ["a road", "water"]), expected, atol=1e-6)
    words, _ = embed_vocabulary(source, parse("road; water"))
    segmenter = MrovsegSegmenter(config, source.image_weights, words, step_px=64, threshold=0.0)
    labels = label_chip(segmenter, map_of(segmenter, chips(config, 1)), side=128)
    assert labels.class_id.shape == (128, 128)


def converted(path: Path, folder: Path, **chip: int) -> checkpoint.Checkpoint:
    config, weights = headless_network(f"local-dir:{folder}", None, **chip)
    checkpoint.save(path, config=config, weights=weights, known_phrases=None)
    return checkpoint.load(str(path))


@pytest.mark.parametrize("with_head", [False, True])
@pytest.mark.parametrize("patch", [14, 16, 32])
def test_a_chip_gets_a_label_a_pixel_whatever_the_patch(
    tmp_path: Path, patch: int, *, with_head: bool
) -> None:
    """Four places a patch side: of 14 px, they are 3.5 px apart."""
    vision = {**SMALL_CLIP["vision_cfg"], "image_size": 2 * patch, "patch_size": patch}
    source = converted(tmp_path / "made.safetensors", small_folder(tmp_path, vision_cfg=vision), slices=3)
    config, weights = source.config, source.image_weights
    if with_head:
        model = TrainableNetwork.create(InitialWeights(source=source), seed=0, device=CPU).model
        assert model.head is not None
        config, weights = model.config, weights | loading.module_weights(model.head, "head.")
    words, _ = embed_vocabulary(source, parse("road; water"))
    segmenter = MrovsegSegmenter(config, weights, words, step_px=config.chip_px)
    side = 6 * patch
    noise = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
    labels = label_chip(segmenter, map_of(segmenter, noise), side=side)
    assert labels.class_id.shape == (side, side)


def test_a_state_dict_of_openais_wants_quickgelu(tmp_path: Path) -> None:
    folder = small_folder(tmp_path)
    (folder / "open_clip_model.safetensors").unlink()
    write_openai(random_state(SMALL_CLIP), folder / "model.pth")
    with pytest.raises(
        CheckpointError, match=r"OpenAI's .*QuickGELU.*set quick_gelu to true in its open_clip_c"
    ):
        headless_network(f"local-dir:{folder}", None)
    described = {"model_cfg": {**SMALL_CLIP, "quick_gelu": True}}
    (folder / "open_clip_config.json").write_text(json.dumps(described))
    _, weights = headless_network(f"local-dir:{folder}", None)
    assert weights["logit_scale"].shape == ()
    assert "input_resolution" not in weights


def test_positions_are_interpolated_only_where_another_size_is_asked_for(tmp_path: Path) -> None:
    """Between smooth positions there are smooth positions: a ramp stays one, inside."""
    state = random_state(SMALL_CLIP)
    ramp = torch.linspace(0, 1, 4).repeat_interleave(4)[:, None].expand(-1, 64)
    state["visual.positional_embedding"][1:] = ramp
    write_folder(state, tmp_path / "model", SMALL_CLIP)
    config, weights = headless_network(f"local-dir:{tmp_path / 'model'}", None, slice_px=128)
    assert config.slice_px == 128
    table = weights["visual.positional_embedding"]
    np.testing.assert_array_equal(table[0], state["visual.positional_embedding"][0])
    assert (np.diff(table[1:].reshape(8, 8, 64), axis=0) > 0).all()
    np.testing.assert_allclose(np.diff(table[1:].reshape(8, 8, 64), axis=1), 0, atol=1e-6)
    larger = {**SMALL_CLIP, "vision_cfg": {**SMALL_CLIP["vision_cfg"], "image_size": 128}}
    (tmp_path / "model" / "open_clip_config.json").write_text(json.dumps({"model_cfg": larger}))
    with pytest.raises(CheckpointError, match=r"positional_embedding is \(17, 64\), not \(65, 64\)"):
        headless_network(f"local-dir:{tmp_path / 'model'}", None)
    with pytest.raises(ModelConfigError, match="whole patches of 16 px, got 100 px"):
        headless_network(f"local-dir:{tmp_path / 'model'}", None, slice_px=100)


@given(side_px=st.integers(32, 2000))
def test_a_chip_of_the_fewest_even_slices_has_a_side_of_1024_px(side_px: int) -> None:
    count = slices_for(side_px)
    assert count % 2 == 0
    assert count * side_px >= 1024
    assert count == 2 or (count - 2) * side_px < 1024


@pytest.mark.parametrize(("given", "slices"), [({}, 16), ({"slices": 1}, 1), ({"slices": 3}, 3)])
def test_a_chip_has_as_many_slices_as_are_asked_for(
    tmp_path: Path, given: dict[str, int], slices: int
) -> None:
    config, _ = headless_network(f"local-dir:{small_folder(tmp_path)}", None, **given)
    assert (config.slices, config.chip_px) == (slices, slices * 64)
