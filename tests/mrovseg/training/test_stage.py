"""A stage: its steps depend on seed and step alone, whoever takes them; a stopped one ends as an undisturbed one."""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import distributed, nn

from mrovseg.errors import CheckpointError, ModelConfigError
from mrovseg.training.history import History
from mrovseg.training.stage import Stage, StageRecipe, rate_factor, run_stage
from mrovseg.training.worker import SINGLE_WORKER, Worker

LINE = StageRecipe(
    threads=1,
    steps=12,
    slices_a_step=1,
    sizes=(1,),
    rate=0.1,
    matrix_rate=0.1,
    save_every=4,
    warmup_steps=2,
    micro_batches=2,
)
Losses = dict[str, torch.Tensor]


class Line(nn.Module):
    """A line to learn, and a parameter that some micro-batches use and one that none does."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.line = nn.Linear(3, 1)
        self.sometimes = nn.Parameter(torch.ones(2))
        self.never = nn.Parameter(torch.ones(2))

    def losses(self, rng: np.random.Generator) -> Losses:
        x = torch.randn(8, 3)
        loss = (self.line(x) - x.sum(1, keepdim=True)).square().mean()
        extra = (
            (self.sometimes * float(rng.random())).square().sum() if rng.integers(2) else loss.detach() * 0
        )
        return {"square": loss, "sometimes": extra}


def stage_of(module: Line, **changes: Any) -> Stage:  # noqa: ANN401 -- any field
    stage = Stage(name="line", module=module, recipe=LINE, seed=(1, 0), losses=module.losses)
    return dataclasses.replace(stage, **changes)


def trained(folder: Path, *, worker: Worker = SINGLE_WORKER, **changes: Any) -> torch.Tensor:  # noqa: ANN401 -- any field
    module = changes.pop("module", Line())
    run_stage(stage_of(module, **changes), History(folder, log=lambda _: None), worker)
    return nn.utils.parameters_to_vector(module.parameters()).detach()


def stopping(module: Line, *, at: int) -> Callable[[np.random.Generator], Losses]:
    """Count the micro-batches, and be interrupted in one of them."""
    left = iter(range(at))

    def losses(rng: np.random.Generator) -> Losses:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return module.losses(rng)

    return losses


def rows(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "metrics.json").read_text())["rows"]
    return [{key: value for key, value in row.items() if key != "slices_per_s"} for row in found]


def measured() -> float:
    """Measure nothing, but disturb what it can."""
    torch.rand(7)
    torch.set_num_threads(2)
    return 0.5


@pytest.mark.parametrize("stop_at", [3, 8, 9, 19])
def test_a_stopped_stage_ends_where_an_undisturbed_one_does(tmp_path: Path, stop_at: int) -> None:
    module = Line()
    stage = stage_of(module, losses=stopping(module, at=stop_at), evaluate=measured, evaluate_every=5)
    with pytest.raises(KeyboardInterrupt):
        run_stage(stage, History(tmp_path / "stopped", log=lambda _: None))
    again = trained(tmp_path / "stopped", evaluate=measured, evaluate_every=5)
    assert torch.equal(again, trained(tmp_path / "whole"))
    trained(tmp_path / "measured", evaluate=measured, evaluate_every=5)
    assert rows(tmp_path / "stopped") == rows(tmp_path / "measured")
    assert [row["step"] for row in rows(tmp_path / "stopped")] == [4, 5, 8, 10, 12]
    assert [row["miou"] for row in rows(tmp_path / "stopped")] == [None, 0.5, None, 0.5, 0.5]


def test_a_finished_stage_is_not_run_again(tmp_path: Path) -> None:
    first = trained(tmp_path)
    module = Line()
    assert torch.equal(trained(tmp_path, losses=stopping(module, at=0)), first)


def test_the_state_of_another_network_is_refused(tmp_path: Path) -> None:
    trained(tmp_path)
    other = Line()
    other.line = nn.Linear(4, 1)
    with pytest.raises(CheckpointError, match="another network"):
        run_stage(stage_of(other), History(tmp_path))


def test_a_step_is_the_mean_over_its_micro_batches_each_by_its_own_chance(tmp_path: Path) -> None:
    drawn: list[float] = []

    def losses(rng: np.random.Generator) -> Losses:
        drawn.append(float(rng.random()) + float(torch.rand(())))
        return {"slope": drawn[-1] * module.line.bias.sum()}

    recipe = dataclasses.replace(LINE, micro_batches=4, steps=2, clip_norm=1e9)
    for folder in ("once", "twice"):
        module = Line()
        trained(tmp_path / folder, module=module, losses=losses, recipe=recipe)
    assert len(set(drawn)) == 8
    assert drawn[8:] == drawn[:8]
    assert module.line.bias.grad is not None
    assert float(module.line.bias.grad) == pytest.approx(np.mean(drawn[4:8]))


def two_workers(rank: int, folder: str) -> None:
    """Train the line as one of two, and write what came of it."""
    rendezvous = f"file://{folder}/rendezvous"
    distributed.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=2)
    vector = trained(Path(folder) / "two", worker=Worker(rank=rank, count=2))
    torch.save(vector, f"{folder}/{rank}.pt")
    module = Line()
    history = History(Path(folder) / f"own{rank}", log=lambda _: None)
    if rank:
        run_stage(stage_of(Line()), history)  # alone, so that the other has no state to go on from
    with pytest.raises(CheckpointError, match=r"different steps \(\[0, 12\]\)"):
        run_stage(stage_of(module), history, Worker(rank=rank, count=2))
    distributed.destroy_process_group()


@pytest.mark.slow
def test_two_workers_take_the_steps_of_one(tmp_path: Path) -> None:
    call = "from tests.mrovseg.training.test_stage import two_workers; two_workers({}, {!r})"
    started = [subprocess.Popen([sys.executable, "-c", call.format(rank, str(tmp_path))]) for rank in (0, 1)]
    assert [process.wait(timeout=120) for process in started] == [0, 0]
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert torch.equal(first, second)
    alone = trained(tmp_path / "one")
    torch.testing.assert_close(first, alone, rtol=1e-6, atol=1e-6)
    for one, two in zip(rows(tmp_path / "one"), rows(tmp_path / "two"), strict=True):
        assert one.pop("losses") == pytest.approx(two.pop("losses"))
        assert one == two


def test_workers_that_cannot_share_the_micro_batches_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelConfigError, match="got 2 for 3 workers"):
        trained(tmp_path, worker=Worker(rank=1, count=3))


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_every_micro_batch_is_one_workers(count: int) -> None:
    shares = [list(Worker(rank=rank, count=count).assigned(6)) for rank in range(count)]
    assert sorted(i for share in shares for i in share) == list(range(6))


def test_the_rate_rises_then_falls_to_nothing() -> None:
    recipe = dataclasses.replace(LINE, steps=100, warmup_steps=10)
    factors = [rate_factor(step, recipe) for step in range(100)]
    assert np.argmax(factors) == 9
    assert np.all(np.diff(factors[9:]) < 0)
    assert factors[-1] == pytest.approx((1 / 100) ** 0.9)


@pytest.mark.parametrize("key", ["threads", "steps", "slices_a_step", "save_every", "micro_batches"])
def test_a_count_below_one_is_refused(key: str) -> None:
    with pytest.raises(ModelConfigError, match=f"{key} of a stage must be 1 or more, got 0"):
        StageRecipe(**dataclasses.asdict(LINE) | {key: 0})
