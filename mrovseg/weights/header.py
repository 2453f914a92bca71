"""What a checkpoint's file says of itself, read without its weights and without torch."""

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from mrovseg.errors import CheckpointError, ModelConfigError
from mrovseg.network.config import ModelConfig

EMBEDDED = "tiny"
FORMAT = 2


def read_config(name_or_path: str) -> ModelConfig:
    """Read what the network of a checkpoint is made of.

    Raises CheckpointError when there is none, or when the file is damaged or not of this project.
    """
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415 - settings name a checkpoint without it too

    file = file_of(name_or_path)
    try:
        with safe_open(file, framework="np") as tensors:
            about = description_in(tensors.metadata(), file)
    except SafetensorError as fault:
        raise CheckpointError(f"{file} is damaged or no safetensors file: {fault}") from fault
    check_format(about, file)
    try:
        return ModelConfig.from_dict(about["config"])
    except (ModelConfigError, KeyError, TypeError, ValueError, AttributeError) as fault:
        raise CheckpointError(
            f"{file} does not describe its network as mrovseg does: {fault!r}; make it anew"
        ) from fault


def file_of(name_or_path: str) -> Path:
    """Return the file of a checkpoint, or of an embedded one by its name. Raises CheckpointError when there is none."""
    embedded = resources.files("mrovseg.weights") / "checkpoints" / f"{name_or_path}.safetensors"
    file = Path(str(embedded)) if embedded.is_file() else Path(name_or_path)
    if not file.is_file():
        raise CheckpointError(
            f"no checkpoint {name_or_path!r}: give a .safetensors file, or the embedded {EMBEDDED!r}"
        )
    return file


def description_in(metadata: Mapping[str, str] | None, file: Path) -> dict[str, Any]:
    """Return what the metadata of a safetensors file say of a network, {} if nothing. Raises CheckpointError."""
    header = (metadata or {}).get("mrovseg")
    if header is None:
        return {}
    try:
        about = json.loads(header)
    except (ValueError, RecursionError) as fault:
        raise CheckpointError(f"{file} is damaged: what it says of itself is no JSON ({fault})") from fault
    if not isinstance(about, dict):
        raise CheckpointError(
            f"{file} is damaged: what it says of itself must be an object, got {str(about)[:100]}"
        )
    return about


def check_format(about: Mapping[str, Any], file: Path) -> None:
    """Raise CheckpointError for a file that is none of ours, or of another format."""
    if about.get("format") != FORMAT:
        raise CheckpointError(
            f"{file} is no checkpoint of mrovseg (format {FORMAT}); make one by `mrovseg train` or `mrovseg convert`"
        )
