"""The moving average of the weights in training, which moves less from step to step than they do."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

WARMUP = 9  # steps until the newest parameters weigh no more than all before them


class MovingAverage:
    """An exponential moving average of parameters: after each step `average = d * average + (1 - d) * parameter`.

    d is the smaller of `decay` and n / (n + WARMUP), with n steps taken before, so that a short training is not an
    average of how it began (as TensorFlow's ExponentialMovingAverage with its `num_updates`). With a decay of 0 there
    is no average: nothing is kept and the parameters stay as they are.
    """

    def __init__(self, learned: Mapping[str, nn.Parameter], *, decay: float) -> None:
        """Average `learned`, beginning with what they are."""
        self.decay = decay
        self.learned = learned if decay else {}
        self.values: dict[str, Tensor] = {key: p.detach().clone() for key, p in self.learned.items()}

    def update(self, step: int) -> None:
        """Take in what the parameters are after `step`."""
        if self.values:
            mix = get_ema_multi_avg_fn(min(self.decay, step / (step + WARMUP)))
            mix(list(self.values.values()), list(self.learned.values()), step)

    def adopt(self) -> None:
        """Make the parameters what the average is."""
        with torch.no_grad():
            for key, value in self.values.items():
                self.learned[key].copy_(value)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Let the parameters be the average for a while."""
        own = {key: p.detach().clone() for key, p in self.learned.items()}
        self.adopt()
        try:
            yield
        finally:
            with torch.no_grad():
                for key, value in own.items():
                    self.learned[key].copy_(value)
