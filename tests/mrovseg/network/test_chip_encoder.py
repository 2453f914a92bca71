"""Slices are encoded once, and no bit depends on what is remembered of them."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mrovseg.network import patches
from mrovseg.network.config import TINY, ModelConfig
from mrovseg.network.model import EncodedViews, autocast
from mrovseg.network.views.chip_encoder import ChipEncoder, slices_of_a_row
from mrovseg.network.views.seen_slices import EncodedSlice, SeenSlices
from mrovseg.segmenter import MrovsegSegmenter
from tests.mrovseg.networks import SMALL, all_weights, as_batch, chips, network, vocabulary

SIDE, STEP = SMALL.slice_px, SMALL.slice_px  # chips of two slices a side, a slice apart
GRID = 4
CPU = torch.device("cpu")
WEIGHTS = {k: v for k, v in all_weights(SMALL).items() if k.startswith(("visual.", "head."))}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """As an actor has: with more, products may round differently."""
    torch.set_num_threads(1)


def scene(config: ModelConfig, *, slices: int) -> np.ndarray:
    pixels: np.ndarray = chips(dataclasses.replace(config, slices=slices), 1, seed=3)[0]
    return pixels


def walked(pixels: np.ndarray, config: ModelConfig, *, step: int) -> list[np.ndarray]:
    """Return the chips of a scene, row by row."""
    at = range(0, len(pixels) - config.chip_px + 1, step)
    return [pixels[None, y : y + config.chip_px, x : x + config.chip_px] for y in at for x in at]


def tensors(seen: EncodedViews) -> list[torch.Tensor]:
    assert seen.features is not None
    return [*seen.tokens.values(), *seen.fine.values(), seen.features]


def encoded(
    config: ModelConfig, images: Sequence[np.ndarray], *, views_at_once: int, bfloat16: bool
) -> list[EncodedViews]:
    model = network(config)
    model.encoder.views_at_once = views_at_once
    encoder = ChipEncoder(model)
    with torch.inference_mode(), autocast(CPU, bfloat16=bfloat16):
        return [encoder.encode(image) for image in images]


@pytest.mark.parametrize("bfloat16", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("views_at_once", [1, 2, 4])
@pytest.mark.parametrize("config", [SMALL, dataclasses.replace(TINY, slices=2)], ids=["small", "tiny"])
def test_a_views_bits_do_not_depend_on_the_others_of_its_call(
    config: ModelConfig, *, views_at_once: int, bfloat16: bool
) -> None:
    """Walked in two orders, in which the same slices come at other places, among other slices, to other calls."""
    images = walked(scene(config, slices=3), config, step=config.slice_px)
    forth = encoded(config, images, views_at_once=views_at_once, bfloat16=bfloat16)
    back = encoded(config, images[::-1], views_at_once=views_at_once, bfloat16=bfloat16)[::-1]
    for one, other in zip(forth, back, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(tensors(one), tensors(other), strict=True))


@settings(max_examples=10)
@given(order=st.lists(st.integers(0, 8), min_size=1, max_size=12), most=st.integers(0, 12))
def test_proposals_do_not_depend_on_what_is_remembered(order: list[int], most: int) -> None:
    images = walked(scene(SMALL, slices=GRID), SMALL, step=STEP)
    segmenter = MrovsegSegmenter(SMALL, WEIGHTS, vocabulary(3), step_px=STEP)
    fresh = MrovsegSegmenter(SMALL, WEIGHTS, vocabulary(3), step_px=STEP)
    segmenter.chip_encoder.seen = SeenSlices(most=most, limit_bytes=2**30)
    for i in order:
        fresh.chip_encoder.seen.clear()
        expected = fresh.propose(images[i])
        for name, array in segmenter.propose(images[i]).items():
            assert array.tobytes() == expected[name].tobytes(), name
        assert len(segmenter.chip_encoder.seen) <= most


def test_each_slice_of_a_grid_is_encoded_once() -> None:
    model = network(SMALL)
    model.encoder.views_at_once = 1
    views: list[int] = []
    model.encoder.register_forward_pre_hook(lambda _, inputs: views.append(len(inputs[0])))
    encoder = ChipEncoder(model)
    images = walked(scene(SMALL, slices=GRID), SMALL, step=STEP)
    with torch.inference_mode():
        for image in images:
            encoder.encode(image)
    assert views == [1] * (len(images) + GRID**2)
    assert len(encoder.seen) == GRID**2


def test_what_is_encoded_is_what_the_network_sees() -> None:
    model, images = network(SMALL), chips(SMALL)
    with torch.inference_mode():
        expected, got = model.encode(as_batch(images), model.depths), ChipEncoder(model).encode(images)
    assert got.tokens.keys() == expected.tokens.keys()
    for depth, tokens in expected.tokens.items():
        torch.testing.assert_close(got.tokens[depth], tokens, rtol=1e-4, atol=1e-4)


def one_slice() -> EncodedSlice:
    return EncodedSlice({0: torch.zeros(5, 4)}, {4: torch.zeros(2, 3, 3)}, torch.zeros(6, 2, 2))


@given(
    names=st.lists(st.binary(min_size=1, max_size=2), unique=True, max_size=20),
    most=st.integers(0, 10),
    limit_bytes=st.integers(0, 3000),
)
def test_the_oldest_go_first_and_the_limits_hold(names: list[bytes], most: int, limit_bytes: int) -> None:
    seen = SeenSlices(most=most, limit_bytes=limit_bytes)
    each = (5 * 4 + 2 * 9 + 6 * 4) * 4
    for i, name in enumerate(names):
        seen.keep(name, one_slice())
        known = [n for n in names[: i + 1] if seen.find(n) is not None]
        assert known == names[i + 1 - len(known) : i + 1]
        assert seen.nbytes == sum(each + len(n) for n in known)
        assert seen.nbytes <= limit_bytes
        assert len(seen) == len(known) <= most
    if names and len(known) < min(len(names), most):
        assert seen.nbytes + each + 2 > limit_bytes
    seen.clear()
    assert (len(seen), seen.nbytes) == (0, 0)


def test_what_is_remembered_holds_no_others_of_its_call() -> None:
    model = network(SMALL)
    model.encoder.views_at_once = 4
    encoder = ChipEncoder(model)
    with torch.inference_mode():
        encoder.encode(chips(SMALL, 1))
    for one in encoder.seen._encoded.values():
        for tensor in (*one.tokens.values(), *one.fine.values(), one.features):
            assert tensor.untyped_storage().nbytes() == tensor.nbytes


def test_tinys_row_of_a_wide_window_is_remembered_in_less_than_100_mb() -> None:
    each = 62_208 + 4 * (
        5 * 82 * 192 + 24 * 36**2 + 32 * 18**2 + 256 * 81
    )  # pixels, tokens, finer maps, features
    assert slices_of_a_row(TINY) * each < 100e6


def test_the_views_vectors_are_those_of_the_whole_last_block() -> None:
    encoder = network(SMALL).encoder
    images = torch.randn(2, 3, SIDE, SIDE)
    with torch.inference_mode():
        tokens = encoder.tokens(images, {encoder.depth - 1, encoder.depth})
        got = patches.class_vectors(encoder, tokens[encoder.depth - 1])
        expected = encoder.project(tokens[encoder.depth][:, :1])
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


def test_predictions_without_the_earlier_layers_full_masks_are_the_same() -> None:
    for config in (SMALL, dataclasses.replace(TINY, slices=2)):
        model = network(config)
        with torch.inference_mode():
            seen = model.encode(as_batch(chips(config, 2)), model.depths)
            full, plain = (model.predict(seen, auxiliary=auxiliary) for auxiliary in (True, False))
        assert model.config.head is not None
        assert (len(full.auxiliary), len(plain.auxiliary)) == (model.config.head.layers, 0)
        torch.testing.assert_close(plain.masks, full.masks, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(plain.embeddings, full.embeddings, rtol=1e-4, atol=1e-4)
