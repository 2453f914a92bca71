"""Weights as others write them: one random CLIP in every layout that encoders are published in."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from mrovseg.network.clip import build

State = dict[str, Tensor]


def random_state(clip: Mapping[str, Any], *, seed: int = 0) -> State:
    """Return the state dict of a CLIP of random weights, in single precision."""
    torch.manual_seed(seed)
    return dict(build(clip).state_dict())


def write_plain(state: State, file: Path) -> None:
    torch.save(state, file)


def write_training(state: State, file: Path) -> None:
    """As open_clip's training writes: more beside the weights, which were trained in parallel."""
    parallel = {f"module.{name}": tensor for name, tensor in state.items()}
    torch.save({"epoch": 3, "name": "run", "state_dict": parallel, "optimizer": {"lr": 1e-3}}, file)


def write_safetensors(state: State, file: Path) -> None:
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, file)


def write_openai(state: State, file: Path) -> None:
    """As the state dict of OpenAI's archives: three numbers beside the weights, and a scale of one row."""
    marks = {name: torch.tensor(224) for name in ("input_resolution", "context_length", "vocab_size")}
    torch.save({**state, **marks, "logit_scale": state["logit_scale"][None]}, file)


FILES: dict[str, Callable[[State, Path], None]] = {
    "plain.pt": write_plain,
    "training.pt": write_training,
    "weights.safetensors": write_safetensors,
}


def write_folder(state: State, folder: Path, clip: Mapping[str, Any], **preprocess: object) -> None:
    """As open_clip pushes to the hub: a description and the weights."""
    folder.mkdir(parents=True)
    about = {"model_cfg": dict(clip), "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(about))
    write_safetensors(state, folder / "open_clip_model.safetensors")


def cached(hub: Path, name: str) -> Path:
    """Return the folder in which a cache of the hub keeps a model's files."""
    model, commit = hub / f"models--{name.replace('/', '--')}", "0" * 40
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text(commit)
    return model / "snapshots" / commit
