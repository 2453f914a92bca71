"""Weights that others trained, from their files: tensors alone, never a free pickle."""

import pickle
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from mrovseg.errors import CheckpointError

PARALLEL = "module."  # what data-parallel training puts before every name
# Three numbers that OpenAI's files hold beside the weights, and open_clip's never.
OPENAI_MARKS = frozenset({"input_resolution", "context_length", "vocab_size"})
MAX_RATIO, SPARE_BYTES = 4, 2**26  # of the weights in single precision: Adam's state is two more of each
SHOWN = 4  # names in an error


def read(file: Path) -> dict[str, Tensor]:
    """Read a state dict: safetensors, or what `torch.save` made of tensors alone.

    The tensors may stand under `state_dict`, as open_clip's own training writes them, and under `module.` names.
    Raises CheckpointError when there is no such file, when it is damaged, or when it holds anything else.
    """
    if not file.is_file():
        raise CheckpointError(f"no file {file} to take weights from")
    content = _safetensors(file) if file.suffix == ".safetensors" else _unpickled(file)
    state = content.get("state_dict", content) if isinstance(content, Mapping) else content
    if not isinstance(state, Mapping) or not state or not all(map(_is_weight, state.items())):
        raise CheckpointError(
            f"{file} holds no state dict but {_describe(content)}; save `model.state_dict()` of the CLIP to a file"
        )
    return {name.removeprefix(PARALLEL): tensor for name, tensor in state.items()}


def check_size(file: Path, network: nn.Module, *, name: str) -> None:
    """Refuse a file that is much larger than the network with an optimizer's state, before it is read into memory.

    Raises CheckpointError naming both sizes.
    """
    needed = sum(tensor.numel() * 4 for tensor in network.state_dict().values())
    if file.is_file() and (size := file.stat().st_size) > MAX_RATIO * needed + SPARE_BYTES:
        raise CheckpointError(
            f"{file} has {size / 1e9:.1f} GB, the weights of {name} {needed / 1e9:.1f} GB: name the model that it is "
            "of, or save the state dict alone"
        )


def check(state: Mapping[str, Tensor], network: nn.Module, *, name: str) -> None:
    """Check that a state dict is the whole of a network and of nothing else.

    Raises CheckpointError naming what is missing, too much or of another shape.
    """
    wanted = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    given = {key: tuple(tensor.shape) for key, tensor in state.items()}
    shapes = [
        f"{key} is {given[key]}, not {wanted[key]}"
        for key in wanted
        if key in given and given[key] != wanted[key]
    ]
    faults = {
        "missing": [key for key in wanted if key not in given],
        "too much": [key for key in given if key not in wanted],
        "of another shape": shapes,
    }
    found = "; ".join(f"{len(keys)} {fault} ({_some(keys)})" for fault, keys in faults.items() if keys)
    if found:
        raise CheckpointError(f"these are no weights of {name}: {found}; name the model that they are of")


def to_arrays(state: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Return weights as arrays named as in a checkpoint; halves stay halves, all else is of single precision."""
    wide = {
        name: tensor if tensor.dtype == torch.float16 else tensor.float() for name, tensor in state.items()
    }
    return {
        name if name.startswith("visual.") or name == "logit_scale" else f"text.{name}": tensor.numpy()
        for name, tensor in wide.items()
    }


def _safetensors(file: Path) -> dict[str, Tensor]:
    """Return the tensors of anybody's safetensors file, bfloat16 included, which numpy does not know.

    Raises CheckpointError when the file is damaged.
    """
    try:
        with safe_open(file, framework="pt") as tensors:
            return {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118 -- not a dict
    except SafetensorError as fault:
        raise CheckpointError(f"{file} is damaged or no safetensors file: {fault}") from fault


def _unpickled(file: Path) -> object:
    try:
        with warnings.catch_warnings():
            # It is refused below: with weights_only a program is not run.
            warnings.filterwarnings(
                "ignore", message="'torch.load' received a zip file that looks like a Torch"
            )
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as fault:
        raise CheckpointError(
            f"{file} holds more than tensors, or is damaged, and is not opened: a pickle can run any code. "
            "Save the state dict alone, best as .safetensors"
        ) from fault
    except (RuntimeError, EOFError, ValueError, KeyError) as fault:
        archive = "TorchScript" in str(fault)
        remedy = "save its `state_dict()` to a file" if archive else "fetch it again"
        what = "a TorchScript archive, a program" if archive else f"damaged or no file of torch ({fault})"
        raise CheckpointError(f"{file} is {what}; {remedy}") from fault


def _is_weight(item: tuple[object, object]) -> bool:
    name, value = item
    return isinstance(name, str) and isinstance(value, Tensor)


def _describe(content: object) -> str:
    return (
        f"entries {_some(list(map(str, content)))}"
        if isinstance(content, Mapping)
        else f"a {type(content).__name__}"
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
