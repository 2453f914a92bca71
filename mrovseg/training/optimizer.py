"""The optimizers of a training stage, and their state in a file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Muon, Optimizer

from mrovseg.errors import CheckpointError
from mrovseg.network.stem import ConvStem
from mrovseg.weights import files


def make_optimizers(
    module: nn.Module, *, rate: float, matrix_rate: float, stem_rate: float, weight_decay: float
) -> list[Optimizer]:
    """Return Muon for the matrices of linear and attention layers and AdamW for all else that requires a gradient.

    Muon (Jordan et al. 2024) with the scale of AdamW's steps (Liu et al. 2025, arXiv 2502.16982), so that its
    `matrix_rate` compares with AdamW's `rate`; mrovseg/DECISIONS.md gives what it gains. The layers of a convolutional
    stem, which begin pretrained, have a rate of their own. Norms, biases and scales never decay.
    """
    trained = {id(p): p for p in module.parameters() if p.requires_grad}
    matrices = [p for p in map(_matrix, module.modules()) if p is not None and id(p) in trained]
    others = [p for key, p in trained.items() if key not in {id(m) for m in matrices}]
    stem = {id(p) for m in module.modules() if isinstance(m, ConvStem) for p in m.pretrained_parameters()}
    groups = []
    for lr, of_stem in ((rate, False), (stem_rate, True)):
        part = [p for p in others if (id(p) in stem) is of_stem]
        groups += [
            {"params": [p for p in part if p.ndim >= 2], "lr": lr, "weight_decay": weight_decay},  # noqa: PLR2004
            {"params": [p for p in part if p.ndim < 2], "lr": lr, "weight_decay": 0.0},  # noqa: PLR2004
        ]
    optimizers: list[Optimizer] = [AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=True)]
    if matrices:
        optimizers.append(
            Muon(matrices, lr=matrix_rate, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
        )
    for group in (g for optimizer in optimizers for g in optimizer.param_groups):
        group["initial_lr"] = group["lr"]
    return optimizers


def _matrix(layer: nn.Module) -> Tensor | None:
    if isinstance(layer, nn.Linear):
        return layer.weight
    return layer.in_proj_weight if isinstance(layer, nn.MultiheadAttention) else None


def save_state(
    path: Path, parameters: Mapping[str, nn.Parameter], optimizers: Sequence[Optimizer], *, step: int
) -> None:
    """Write parameters and the optimizers' state, atomically."""
    arrays = {f"parameter.{key}": p.detach().cpu().numpy() for key, p in parameters.items()}
    for key, p in parameters.items():
        for optimizer in optimizers:
            state = optimizer.state.get(p, {}).items()
            arrays |= {f"{name}.{key}": value.cpu().numpy() for name, value in state}
    files.write_arrays(path, arrays, {"step": step})


def restore_state(path: Path, parameters: Mapping[str, nn.Parameter], optimizers: Sequence[Optimizer]) -> int:
    """Read what `save_state` wrote, in place; return the next step, 0 where there is no file.

    Raises CheckpointError when it is the state of other parameters.
    """
    if not path.exists():
        return 0
    arrays, about = files.read_arrays(path)
    saved = {key: array.shape for key, array in arrays.items() if key.startswith("parameter.")}
    if saved != {f"parameter.{key}": tuple(p.shape) for key, p in parameters.items()}:
        raise CheckpointError(f"{path} is the state of another network; train into another folder")
    owner = {p: optimizer for optimizer in optimizers for g in optimizer.param_groups for p in g["params"]}
    for full_name, array in arrays.items():
        name, key = full_name.split(".", 1)
        value = torch.from_numpy(array)
        if name == "parameter":
            with torch.no_grad():
                parameters[key].copy_(value)
        else:
            owner[parameters[key]].state[parameters[key]][name] = value.to(parameters[key].device)
    return int(about["step"])
