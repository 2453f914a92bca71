"""Who works at a training: one process, or several that add up their gradients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, distributed, nn

from mrovseg.errors import CheckpointError, ModelConfigError

CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One of `count` processes that train a network; each holds all of it, on its `device`.

    Where `count` is above 1, torch.distributed must be set up, with gloo between CPUs and nccl between GPUs.
    """

    rank: int = 0
    count: int = 1
    device: torch.device = CPU

    @property
    def leads(self) -> bool:
        """Whether it is the one that writes and speaks."""
        return self.rank == 0

    def share(self, micro_batches: int) -> range:
        """Return which micro-batches of a step are this worker's.

        Raises ModelConfigError when the workers' shares would not be equal.
        """
        if micro_batches % self.count:
            raise ModelConfigError(
                f"the micro_batches of a stage must be a multiple of the workers, got {micro_batches} for "
                f"{self.count} workers: change the recipe or the number of workers"
            )
        return range(self.rank, micro_batches, self.count)

    def agree(self, module: nn.Module, *, step: int) -> None:
        """Begin with the parameters of the first worker.

        Raises CheckpointError when the workers are not at the same step: they do not read the same files.
        """
        if self.count == 1:
            return
        steps = torch.zeros(self.count, dtype=torch.int64, device=self.device)
        steps[self.rank] = step
        distributed.all_reduce(steps)
        if len(steps.unique()) > 1:
            raise CheckpointError(
                f"the workers would go on from different steps ({steps.tolist()}): the output must be a folder "
                "that all of them reach"
            )
        for parameter in module.parameters():
            distributed.broadcast(parameter.data, 0)

    def add_up(
        self, parameters: Sequence[nn.Parameter], losses: Mapping[str, Float[Tensor, ""]]
    ) -> dict[str, float]:
        """Sum gradients, which it changes in place, and losses over all workers.

        A parameter that no worker has a gradient of keeps none, so that optimizers leave it alone.
        """
        values = torch.stack(list(losses.values()))
        if self.count > 1:
            values = self._added_up(parameters, values)
        return dict(zip(losses, values.tolist(), strict=True))

    def _added_up(
        self, parameters: Sequence[nn.Parameter], values: Float[Tensor, " n"]
    ) -> Float[Tensor, " n"]:
        has = torch.tensor([float(p.grad is not None) for p in parameters], device=self.device)
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        buffer = torch.cat([*(g.flatten() for g in gradients), has, values])
        distributed.all_reduce(buffer)
        sums, has, values = buffer.split([buffer.numel() - len(has) - len(values), len(has), len(values)])
        parts = sums.split([p.numel() for p in parameters])
        for parameter, part, known in zip(parameters, parts, has.tolist(), strict=True):
            parameter.grad = part.view_as(parameter) if known else None
        return values


ALONE = Worker()
