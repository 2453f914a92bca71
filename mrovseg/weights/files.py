"""Arrays in safetensors files, with a description in their header; no torch."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from mrovseg.errors import CheckpointError
from mrovseg.weights.header import description_in


def read_arrays(file: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays of a safetensors file and what its header says of them, {} if nothing.

    Raises CheckpointError when the file is damaged.
    """
    try:
        with safe_open(file, framework="np") as tensors:
            about = description_in(tensors.metadata(), file)
            arrays = {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118 -- not a dict
    except SafetensorError as fault:
        raise CheckpointError(f"{file} is damaged or no safetensors file: {fault}") from fault
    return arrays, about


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> None:
    """Write a safetensors file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    save_file(dict(arrays), part, metadata={"mrovseg": json.dumps(about, sort_keys=True)})
    part.replace(path)
