"""A stage of training; a step is a pure function of (seed, step), so that a killed training resumes exactly."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.optim import Optimizer

from mrovseg.errors import ModelConfigError
from mrovseg.training.history import History
from mrovseg.training.optimizer import make_optimizers, restore_state, save_state
from mrovseg.training.worker import SINGLE_WORKER, Worker

ROW_EVERY = 20  # steps

Losses = dict[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRecipe:
    """How long and how fast a stage learns.

    A step is the mean over `micro_batches`, which are divided among the workers. Each of them samples chips of a size
    chosen from `sizes` (slices a side), as many as hold `slices_a_step` slices. `rate`, `matrix_rate` and `stem_rate`
    are those of `make_optimizers`. With `bfloat16` the network, but not the losses, runs in half precision.
    """

    threads: int
    steps: int
    slices_a_step: int
    sizes: tuple[int, ...]
    rate: float
    matrix_rate: float
    stem_rate: float = 0.0
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    warmup_steps: int = 50
    images: int = 0
    points: int = 2048
    bfloat16: bool = False
    save_every: int = 50
    micro_batches: int = 1

    def __post_init__(self) -> None:
        """Check the counts. Raises ModelConfigError naming what is no count."""
        for key in ("threads", "steps", "slices_a_step", "save_every", "micro_batches"):
            if getattr(self, key) < 1:
                raise ModelConfigError(f"{key} of a stage must be 1 or more, got {getattr(self, key)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage: the module that is trained, its losses, and how it is measured.

    `losses` samples a micro-batch by a generator and returns its losses. `evaluate` returns the mIoU of the network as
    it is; it is called each `evaluate_every` steps and after the last, and not at all where that is None.
    """

    name: str
    module: nn.Module
    recipe: StageRecipe
    seed: Sequence[int]
    losses: Callable[[np.random.Generator], Losses]
    evaluate: Callable[[], float] | None = None
    evaluate_every: int | None = None

    def is_due(self, step: int, every: int | None) -> bool:
        """Whether what happens each `every` steps, and after the last, happens after so many steps."""
        return every is not None and (step == self.recipe.steps or step % every == 0)


def run_stage(stage: Stage, history: History, worker: Worker = SINGLE_WORKER) -> None:
    """Minimise the sum of the losses over the parameters of the module that require a gradient.

    Rates warm up and decay by a polynomial of power 0.9; the state is saved every `save_every` steps in the folder of
    the history, and the same call goes on from there: on one worker bit for bit. Several workers take the same steps
    as one, up to the rounding of sums. Raises ModelConfigError when the micro-batches cannot be divided equally.
    """
    recipe, assigned = stage.recipe, worker.assigned(stage.recipe.micro_batches)
    torch.set_num_threads(recipe.threads)
    parameters = {key: p for key, p in stage.module.named_parameters() if p.requires_grad}
    optimizers = make_optimizers(
        stage.module,
        rate=recipe.rate,
        matrix_rate=recipe.matrix_rate,
        stem_rate=recipe.stem_rate,
        weight_decay=recipe.weight_decay,
    )
    state = history.folder / f"{stage.name}.safetensors"
    start = restore_state(state, parameters, optimizers)
    worker.synchronise(stage.module, step=start)
    slices = recipe.micro_batches * recipe.slices_a_step
    history.begin_stage(stage.name, step=start, steps=recipe.steps, slices=slices)
    for step in range(start, recipe.steps):
        _set_rates(optimizers, rate_factor(step, recipe))
        losses = worker.sum_over_workers(
            list(parameters.values()), _backward(stage, assigned, step=step, device=worker.device)
        )
        nn.utils.clip_grad_norm_(list(parameters.values()), recipe.clip_norm)
        for optimizer in optimizers:
            optimizer.step()
        if worker.is_first:
            history.add_losses(losses)
            _record(stage, history, step + 1)
            if stage.is_due(step + 1, recipe.save_every):  # last: the rows before it are written
                save_state(state, parameters, optimizers, step=step + 1)


def rate_factor(step: int, recipe: StageRecipe) -> float:
    """Return what the learning rates are multiplied with at a step: warm-up, then polynomial decay."""
    left: float = (1 - step / recipe.steps) ** 0.9
    return left * min(1.0, (step + 1) / recipe.warmup_steps)


def _backward(stage: Stage, assigned: Sequence[int], *, step: int, device: torch.device) -> Losses:
    """Add up the gradients and the losses of some of a step's micro-batches, as parts of the mean of all of them."""
    count = stage.recipe.micro_batches
    sums: Losses = {}
    stage.module.zero_grad(set_to_none=True)
    for i in assigned:
        with _attention(device):
            parts = stage.losses(_seeded([*stage.seed, step, i]))
        (torch.stack(list(parts.values())).sum() / count).backward()
        for key, loss in parts.items():
            sums[key] = sums.get(key, 0.0) + loss.detach() / count
    return sums


def _record(stage: Stage, history: History, step: int) -> None:
    """Write the row of the history that ends after a step, if one does, with what is measured there.

    One does wherever a state is saved: the losses of a row are then all of one process.
    """
    if not any(stage.is_due(step, n) for n in (ROW_EVERY, stage.recipe.save_every, stage.evaluate_every)):
        return
    miou = None
    if stage.evaluate is not None and stage.is_due(step, stage.evaluate_every):
        miou = stage.evaluate()
        torch.set_num_threads(stage.recipe.threads)  # a segmenter takes as many as it wants
    rate = stage.recipe.rate * rate_factor(step - 1, stage.recipe)
    history.write_row(step, rate=rate, miou=miou)
    if miou is not None:
        history.plot()


def _seeded(entropy: Sequence[int]) -> np.random.Generator:
    """Return a generator that depends on `entropy` alone, and seed torch's by it."""
    sequence = np.random.SeedSequence(entropy)
    torch.manual_seed(int(sequence.generate_state(1, np.uint64)[0]))
    return np.random.default_rng(sequence)


def _attention(device: torch.device) -> AbstractContextManager[None]:
    # On a CPU the fused attention's backward pass is three times slower.
    return sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()


def _set_rates(optimizers: Sequence[Optimizer], factor: float) -> None:
    for group in (g for optimizer in optimizers for g in optimizer.param_groups):
        group["lr"] = group["initial_lr"] * factor
