"""The baseline's average: every place holds what its own slice says and what the low view says, each by half."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from mrovseg.network import average
from mrovseg.network.views.slices import views
from mrovseg.segmenter import MrovsegSegmenter
from tests.mrovseg.networks import SMALL, SMALL_HEAD, all_weights, as_batch, chips, network, vocabulary
from tests.mrovseg.one_chip import label_chip, map_of

CONFIG = dataclasses.replace(SMALL, head=dataclasses.replace(SMALL_HEAD, averaged=True))
QUERIES = SMALL_HEAD.queries


def weight_of_each_query(index: np.ndarray, weight: np.ndarray, count: int) -> np.ndarray:
    """Return the kept weights as (count, y, x), 0 where a query is not kept."""
    found = np.zeros((count, *index.shape[1:]), np.float32)
    np.put_along_axis(found, index.astype(np.int64), weight.astype(np.float32), axis=0)
    return found


def test_every_place_holds_half_of_its_slice_and_half_of_the_low_view() -> None:
    model, batch = network(CONFIG), as_batch(chips(CONFIG, 2))
    with torch.inference_mode():
        found = average.propose(model, batch, top_k=QUERIES)
        alone = [model(views(chip[None].float(), side_px=64).round().to(torch.uint8)) for chip in batch]
    for chip, predictions in enumerate(alone):
        np.testing.assert_allclose(found["embeddings"][chip], predictions.embeddings.flatten(0, 1), atol=1e-6)
        masks = predictions.masks.sigmoid()
        expected = torch.zeros(5, QUERIES, 32, 32)
        expected[0] = interpolate(masks[:1], scale_factor=2, mode="bilinear")[0]
        for slice_index, place in enumerate([(0, 0), (0, 16), (16, 0), (16, 16)], start=1):
            expected[slice_index, :, place[0] : place[0] + 16, place[1] : place[1] + 16] = masks[slice_index]
        kept = weight_of_each_query(found["index"][chip], found["weight"][chip], 5 * QUERIES)
        np.testing.assert_allclose(kept, expected.flatten(0, 1) * 255 / 2, atol=0.51)


@pytest.mark.parametrize("averaged", [True, False])
def test_a_segmenter_averages_as_its_checkpoint_says(*, averaged: bool) -> None:
    config = CONFIG if averaged else SMALL
    weights = {k: w for k, w in all_weights(config).items() if k.startswith(("visual.", "head."))}
    segmenter = MrovsegSegmenter(config, weights, vocabulary(3), step_px=64)
    proposals = segmenter.propose(chips(config, 1))
    assert proposals["embeddings"].shape[1] == QUERIES * (5 if averaged else 1)
    assert ("features" in proposals) != averaged
    kept = map_of(segmenter, chips(config, 1))
    assert label_chip(segmenter, kept, side=128).class_id.shape == (128, 128)
