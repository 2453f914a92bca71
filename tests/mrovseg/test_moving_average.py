"""The moving average is what its formula says, and parameters that made way for it come back as they were."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from mrovseg.moving_average import WARMUP, MovingAverage


@given(
    decay=st.floats(0.01, 0.999),
    values=st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=30),
)
def test_it_is_the_weighted_sum_of_what_the_parameters_were(decay: float, values: list[float]) -> None:
    parameter = nn.Parameter(torch.tensor([7.0]))
    average = MovingAverage({"p": parameter}, decay=decay)
    expected = 0.0
    for step, value in enumerate(values):
        parameter.data.fill_(value)
        average.update(step)
        kept = min(decay, step / (step + WARMUP))
        expected = kept * expected + (1 - kept) * value
    assert float(average.values["p"]) == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_the_parameters_are_the_average_for_a_while_and_then_themselves() -> None:
    parameter = nn.Parameter(torch.zeros(3))
    average = MovingAverage({"p": parameter}, decay=0.9)
    for step in range(20):
        parameter.data += 1
        average.update(step)
    own = parameter.detach().clone()
    with average.applied():
        assert torch.equal(parameter, average.values["p"])
        assert not torch.equal(parameter, own)
    assert torch.equal(parameter, own)
    average.adopt()
    assert torch.equal(parameter, average.values["p"])


def test_without_a_decay_there_is_none() -> None:
    parameter = nn.Parameter(torch.ones(3))
    average = MovingAverage({"p": parameter}, decay=0.0)
    average.update(0)
    average.adopt()
    assert average.values == {}
    assert torch.equal(parameter, torch.ones(3))
