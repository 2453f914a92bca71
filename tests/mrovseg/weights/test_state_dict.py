"""Weights of others: read from every layout as they were, and refused where they are anything else."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mrovseg.errors import CheckpointError
from mrovseg.network.clip import build
from mrovseg.weights import state_dict
from tests.mrovseg.networks import SMALL_CLIP
from tests.mrovseg.weights.layouts import FILES, State, random_state


@pytest.fixture(scope="module")
def state() -> State:
    return random_state(SMALL_CLIP)


@pytest.mark.parametrize("layout", FILES)
def test_every_layout_gives_the_same_tensors(layout: str, state: State, tmp_path: Path) -> None:
    FILES[layout](state, tmp_path / layout)
    got = state_dict.read(tmp_path / layout)
    assert got.keys() == state.keys()
    assert all(torch.equal(got[name], tensor) for name, tensor in state.items())


def test_arrays_are_named_as_in_a_checkpoint_and_bfloat16_is_widened(tmp_path: Path, state: State) -> None:
    half = {name: tensor.bfloat16() for name, tensor in state.items()}
    half["visual.proj"] = state["visual.proj"].half()
    FILES["weights.safetensors"](half, tmp_path / "half.safetensors")
    got = state_dict.to_arrays(state_dict.read(tmp_path / "half.safetensors"))
    assert {name.split(".")[0] for name in got} == {"visual", "text", "logit_scale"}
    assert got["visual.proj"].dtype == np.dtype(np.float16)
    assert got["visual.conv1.weight"].dtype == np.dtype(np.float32)
    table = state["token_embedding.weight"].bfloat16().float().numpy()
    np.testing.assert_array_equal(got["text.token_embedding.weight"], table)


class Calls:
    """What runs a function when it is unpickled."""

    def __init__(self, action: Callable[[str], object], argument: str) -> None:
        self.reduced = action, (argument,)

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return self.reduced


def write_pickle(file: Path) -> None:
    torch.save({"weights": Calls(os.mkdir, str(file.with_suffix(".ran")))}, file)


def write_model(file: Path) -> None:
    torch.save(nn.Linear(1, 1), file)


def write_script(file: Path) -> None:
    torch.jit.save(torch.jit.trace(nn.Linear(1, 1), torch.zeros(1)), file)


def write_other(file: Path) -> None:
    torch.save({"model": {"a": torch.zeros(1)}, "epoch": 1}, file)


def write_torn(file: Path) -> None:
    torch.save({"a": torch.zeros(5000)}, file)
    file.write_bytes(file.read_bytes()[:900])


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "pickle": (write_pickle, "holds more than tensors"),
    "model": (write_model, "holds more than tensors.*Save the state dict alone"),
    "script": (write_script, r"is a TorchScript archive.*save its `state_dict\(\)`"),
    "other entries": (
        write_other,
        r"holds no state dict but entries model, epoch; save `model.state_dict\(\)`",
    ),
    "list": (lambda file: torch.save([1.0], file), "holds no state dict but a list"),
    "nothing": (lambda file: torch.save({}, file), "holds no state dict"),
    "torn": (write_torn, "is damaged"),
    "empty": (Path.touch, "is damaged"),
    "page": (
        lambda file: file.write_text("<html>not found</html>"),
        "holds more than tensors, or is damaged",
    ),
    "absent": (lambda _: None, "to take weights from"),
}


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_state_dict_is_refused(kind: str, tmp_path: Path) -> None:
    write, said = REFUSED[kind]
    write(tmp_path / "weights.pt")
    with pytest.raises(CheckpointError, match=f"weights.pt ({said})"):
        state_dict.read(tmp_path / "weights.pt")
    assert not (tmp_path / "weights.ran").exists()


def test_damaged_safetensors_are_refused(tmp_path: Path) -> None:
    (tmp_path / "torn.safetensors").write_bytes(b"torn")
    with pytest.raises(CheckpointError, match=r"torn.safetensors is damaged"):
        state_dict.read(tmp_path / "torn.safetensors")


def test_faults_are_named_by_their_keys(state: State) -> None:
    network = build(SMALL_CLIP)
    state_dict.check(state, network, name="small")
    other = {**state, "visual.extra": torch.zeros(1), "visual.proj": torch.zeros(64, 8)}
    del other["ln_final.bias"]
    with pytest.raises(CheckpointError) as refused:
        state_dict.check(other, network, name="small")
    said = str(refused.value)
    assert "no weights of small" in said
    assert "1 missing (ln_final.bias); 1 too much (visual.extra)" in said
    assert "1 of another shape (visual.proj is (64, 8), not (64, 32))" in said
    alone = {k.removeprefix("visual."): v for k, v in state.items() if k.startswith("visual.")}
    with pytest.raises(CheckpointError, match=r"61 missing \(text_projection, .*, \.\.\.\)"):
        state_dict.check(alone, network, name="small")
