"""A segmenter of a network of random weights: what it keeps of predictions, over which weights, and which features."""

import dataclasses

import numpy as np
import pytest
import torch

from mrovseg.network.model import Predictions
from mrovseg.segmenter import MrovsegSegmenter, keep_top_k
from tests.mrovseg.networks import SMALL, all_weights, chips, vocabulary
from tests.mrovseg.one_chip import label_chip, map_of

QUERIES = {"embeddings", "index", "weight"}


@pytest.mark.parametrize(("queries", "dtype"), [(12, np.uint8), (256, np.uint8), (257, np.uint16)])
def test_the_strongest_queries_of_a_place_are_kept(queries: int, dtype: type) -> None:
    torch.manual_seed(0)
    masks = torch.randn(1, queries, 5, 5)
    kept = keep_top_k(Predictions(torch.zeros(1, queries, 8), masks, []), top_k=4)
    assert kept["index"].dtype == dtype
    order = np.argsort(-masks[0].numpy(), axis=0)[:4]
    np.testing.assert_array_equal(kept["index"][0], order)
    expected = np.take_along_axis(masks.sigmoid()[0].numpy(), order, 0) * 255
    np.testing.assert_allclose(kept["weight"][0], expected, atol=0.51)


@pytest.mark.parametrize("reads", ["both", "low"])
def test_features_are_proposed_whatever_the_head_reads_and_whatever_is_asked_for(reads: str) -> None:
    assert SMALL.head is not None
    config = dataclasses.replace(SMALL, head=dataclasses.replace(SMALL.head, reads=reads))
    weights = {k: v for k, v in all_weights(config).items() if k.startswith(("visual.", "head."))}
    encoders = {k: v for k, v in weights.items() if k.startswith("visual.")}
    words, pixels = vocabulary(4), chips(config, 1)
    plain, told, dense = (
        MrovsegSegmenter(*made, step_px=64).propose(pixels)
        for made in (
            (config, weights, words),
            (config, weights, dataclasses.replace(words, untaught=(2,))),
            (config.headless(), encoders, words),
        )
    )
    assert plain.keys() == told.keys() == QUERIES | {"features"}
    assert dense.keys() == {"features"}
    for name, array in plain.items():
        assert np.array_equal(told[name], array), name
    assert np.array_equal(plain["features"], dense["features"])


def test_it_labels_what_it_proposes_over_read_only_weights() -> None:
    weights = {k: v for k, v in all_weights(SMALL).items() if k.startswith(("visual.", "head."))}
    for array in weights.values():
        array.setflags(write=False)
    segmenter = MrovsegSegmenter(SMALL, weights, vocabulary(3), step_px=64)
    kept = map_of(segmenter, chips(SMALL, 1))
    labels, expected = (label_chip(each, kept, side=128) for each in (segmenter, segmenter.labeller))
    assert all(np.array_equal(a, b) for a, b in zip(labels, expected, strict=True))
    assert labels.class_id.shape == labels.score.shape == (128, 128)
    assert (
        segmenter.model.encoder.visual.conv1.weight.data_ptr() == weights["visual.conv1.weight"].ctypes.data
    )
