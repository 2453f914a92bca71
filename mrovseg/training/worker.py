"""The processes of a training: one, or several that sum their gradients."""

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
    def is_first(self) -> bool:
        """Whether it is the one that writes files and logs."""
        return self.rank == 0

    def assigned(self, micro_batches: int) -> range:
        """Return the indices of this worker's micro-batches of a step.

        Raises ModelConfigError when the workers would not have equally many.
        """
        if micro_batches % self.count:
            raise ModelConfigError(
                f"the micro_batches of a stage must be a multiple of the workers, got {micro_batches} for "
                f"{self.count} workers: change the recipe or the number of workers"
            )
        return range(self.rank, micro_batches, self.count)

    def synchronise(self, module: nn.Module, *, step: int) -> None:
        """Take over the parameters of the first worker.

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

    def sum_over_workers(
        self, parameters: Sequence[nn.Parameter], losses: Mapping[str, Float[Tensor, ""]]
    ) -> dict[str, float]:
        """Sum gradients, which it changes in place, and losses over all workers.

        A parameter without a gradient on any worker gets none, so that optimizers skip it.
        """
        values = torch.stack(list(losses.values()))
        if self.count > 1:
            values = self._all_reduce(parameters, values)
        return dict(zip(losses, values.tolist(), strict=True))

    def _all_reduce(
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


SINGLE_WORKER = Worker()
