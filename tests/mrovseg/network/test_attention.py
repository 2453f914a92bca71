"""What queries read: both views, one of them, or the mean inside their mask."""

import dataclasses

import pytest
import torch
from torch.nn.functional import normalize

from mrovseg.errors import ModelConfigError
from mrovseg.network.attention import masked_attention, masked_pooling
from tests.mrovseg.networks import SMALL, SMALL_HEAD, as_batch, chips, network

START, LOW, HIGH = torch.randn(1, 64), torch.randn(2, 1, 64, 4, 4), torch.randn(2, 1, 64, 8, 8)
BIAS = torch.randn(1, 2, 5, 8, 8)


@pytest.mark.parametrize(
    ("views", "low_matters", "high_matters"), [(["low"], True, False), (["high"], False, True)]
)
def test_a_view_that_is_not_read_does_not_matter(
    views: list[str], *, low_matters: bool, high_matters: bool
) -> None:
    encoder = network(SMALL).encoder

    def read(low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return masked_attention(encoder, start=START, low=[*low], high=[*high], bias=BIAS, views=views)

    before = read(LOW, HIGH)
    assert torch.equal(read(LOW + 1 * torch.randn_like(LOW), HIGH), before) is not low_matters
    assert torch.equal(read(LOW, HIGH + 1 * torch.randn_like(HIGH)), before) is not high_matters


def test_pooling_is_the_mean_of_both_views_inside_the_mask() -> None:
    encoder = network(SMALL).encoder
    region = torch.zeros(1, 2, 8, 8)
    region[0, 0, 2:4, 4:6], region[0, 1] = 1, 1
    with torch.inference_mode():
        found = masked_pooling(encoder, low=torch.ones(1, 64, 4, 4) * 3, high=HIGH[0], region=region)
        inside = (HIGH[0, 0, :, 2:4, 4:6].mean(dim=(1, 2)) + 3) / 2
        everywhere = (HIGH[0, 0].mean(dim=(1, 2)) + 3) / 2
        expected = normalize(encoder.project(torch.stack([inside, everywhere])), dim=-1)
    torch.testing.assert_close(found[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("reads", ["low", "high", "pooled"])
def test_a_network_reads_as_it_is_told(reads: str) -> None:
    config = dataclasses.replace(SMALL, head=dataclasses.replace(SMALL_HEAD, reads=reads))
    with torch.inference_mode():
        told, both = network(config)(as_batch(chips(SMALL))), network(SMALL)(as_batch(chips(SMALL)))
    assert torch.equal(told.masks, both.masks)
    assert not torch.allclose(told.embeddings, both.embeddings, atol=1e-3)


def test_another_way_to_read_is_refused() -> None:
    with pytest.raises(ModelConfigError, match=r"reads must be one of .*pooled.*got 'middle'"):
        dataclasses.replace(SMALL_HEAD, reads="middle")
