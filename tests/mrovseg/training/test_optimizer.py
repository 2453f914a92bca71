"""The optimizers: each parameter has one, matrices have Muon, and their state outlives a process."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

from mrovseg.errors import CheckpointError
from mrovseg.network.stem import ConvStem
from mrovseg.training.optimizer import make_optimizers, restore_state, save_state


class Small(nn.Module):
    """One of each kind of layer."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(5, 8))
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = nn.LayerNorm(8)
        self.out = nn.Linear(8, 1)
        self.frozen = nn.Linear(8, 8).requires_grad_(requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.table
        y: torch.Tensor = self.out(self.norm(self.attention(x, x, x, need_weights=False)[0]))
        return y


def optimizers_of(module: nn.Module) -> list[torch.optim.Optimizer]:
    return make_optimizers(module, rate=1e-2, stem_rate=1e-3, matrix_rate=2e-2, weight_decay=0.1)


def learned(module: nn.Module) -> dict[str, nn.Parameter]:
    return {key: p for key, p in module.named_parameters() if p.requires_grad}


def step(module: Small, optimizers: list[torch.optim.Optimizer], seed: int) -> None:
    x = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(seed))
    module.zero_grad()
    mse_loss(module(x), x.mean(2, keepdim=True)).backward()
    for optimizer in optimizers:
        optimizer.step()


def test_each_learned_parameter_has_one_optimizer_and_matrices_have_muon() -> None:
    module = Small()
    held = [(o, g, p) for o in optimizers_of(module) for g in o.param_groups for p in g["params"]]
    names = {id(p): key for key, p in learned(module).items()}
    assert sorted(names[id(p)] for _, _, p in held) == sorted(names.values())
    by_muon = {names[id(p)] for o, _, p in held if isinstance(o, torch.optim.Muon)}
    assert by_muon == {"attention.in_proj_weight", "attention.out_proj.weight", "out.weight"}
    decayed = {names[id(p)] for _, g, p in held if g["weight_decay"]}
    assert decayed == by_muon | {"table"}


def test_the_pretrained_layers_of_a_stem_have_their_own_rate() -> None:
    module = nn.Sequential(ConvStem(8), nn.LayerNorm(8))
    names = {id(p): key for key, p in module.named_parameters()}
    slow = {
        names[id(p)]
        for o in optimizers_of(module)
        for g in o.param_groups
        if g["lr"] == 1e-3
        for p in g["params"]
    }
    assert slow == {key for key in names.values() if key.startswith(("0.first", "0.stages"))}


def test_a_module_without_matrices_needs_no_muon() -> None:
    assert len(optimizers_of(nn.LayerNorm(4))) == 1


def test_a_restored_state_goes_on_bit_for_bit(tmp_path: Path) -> None:
    torch.manual_seed(0)
    whole = Small()
    optimizers = optimizers_of(whole)
    for seed in range(3):
        step(whole, optimizers, seed)
    save_state(tmp_path / "state.safetensors", learned(whole), optimizers, step=3)
    other = Small()
    others = optimizers_of(other)
    assert restore_state(tmp_path / "state.safetensors", learned(other), others) == 3
    for seed in range(3, 6):
        step(whole, optimizers, seed)
        step(other, others, seed)
    for key, p in learned(whole).items():
        assert torch.equal(p, learned(other)[key]), key


def test_nothing_kept_is_a_start_and_another_networks_state_is_refused(tmp_path: Path) -> None:
    module = Small()
    assert restore_state(tmp_path / "state.safetensors", learned(module), optimizers_of(module)) == 0
    save_state(tmp_path / "state.safetensors", learned(module), optimizers_of(module), step=1)
    other = nn.Linear(2, 2)
    with pytest.raises(CheckpointError, match="another network"):
        restore_state(tmp_path / "state.safetensors", learned(other), optimizers_of(other))
