"""Checkpoints: safetensors with the network's configuration in their header; never a pickle."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from mrovseg.background import Classes
from mrovseg.clip import ImageEncoder, TextEncoder, adopt, build
from mrovseg.config import ModelConfig
from mrovseg.errors import CheckpointError, ModelConfigError
from mrovseg.header import FORMAT, check_format, description_in, file_of
from mrovseg.model import MROVSeg
from mrovseg.sentences import SentenceEncoder
from mrovseg.vocabulary import PLAIN, TEMPLATES


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A network's weights and what they know.

    Weights are named `visual.*`, `text.*`, `head.*` and `logit_scale`. `known_phrases` are those that images were
    compared with in training; None means that they are more than can be listed. `taught_phrases` are those of which the
    head saw masks; None where there is no head, or nothing is known of it. `known_sets` are the classes into which
    each set of masks divided its images, `known_kinds` those of whole images; both are empty where nothing is known of
    them. `digest` is the file's SHA-256.
    """

    name: str
    config: ModelConfig
    weights: Mapping[str, np.ndarray]
    known_phrases: tuple[str, ...] | None
    taught_phrases: tuple[str, ...] | None
    digest: str
    known_sets: tuple[Classes, ...] = ()
    known_kinds: Classes = ()

    @property
    def image_weights(self) -> dict[str, np.ndarray]:
        """What an actor needs: the image tower and the head."""
        return {name: array for name, array in self.weights.items() if name.startswith(("visual.", "head."))}

    @property
    def scale(self) -> float:
        """What cosines are multiplied with."""
        return float(np.exp(self.weights["logit_scale"]))

    @property
    def no_object(self) -> Float32[np.ndarray, " e"] | None:
        """The learned vector of no object, of unit length; None without a head."""
        vector = self.weights.get("head.no_object")
        return None if vector is None else vector / np.linalg.norm(vector)

    @property
    def templates(self) -> tuple[str, ...]:
        """How prompts are said to its text encoder."""
        return PLAIN if self.config.speaks_sentences else TEMPLATES

    def encode_text(self, prompts: Sequence[str]) -> Float32[np.ndarray, "n e"]:
        """Return unit vectors of prompts."""
        if self.config.speaks_sentences:
            return SentenceEncoder()(prompts)
        with torch.inference_mode():
            vectors: np.ndarray = text_encoder(self.config, self.weights)(prompts).numpy()
        return vectors


def load(name_or_path: str) -> Checkpoint:
    """Load the checkpoint of a file, or an embedded one by its name.

    Raises CheckpointError when there is none, or when the file is damaged or not of this project.
    """
    file = file_of(name_or_path)
    weights, about = read_arrays(file)
    check_format(about, file)
    try:
        config = ModelConfig.from_dict(about["config"])
        known, taught = _phrases(about["known_phrases"]), _phrases(about.get("taught_phrases"))
        sets = tuple(_classes(one) for one in about.get("known_sets", []))
        kinds = _classes(about.get("known_kinds", []))
        _check_scale(weights["logit_scale"])
    except (ModelConfigError, KeyError, TypeError, ValueError, AttributeError) as fault:
        raise CheckpointError(
            f"{file} does not describe its network as mrovseg does: {fault!r}; make it anew"
        ) from fault
    return Checkpoint(
        name=file.stem,
        config=config,
        weights=_widened(weights),
        known_phrases=known,
        taught_phrases=taught,
        digest=_digest(file),
        known_sets=sets,
        known_kinds=kinds,
    )


def _check_scale(scale: np.ndarray) -> None:
    if scale.size != 1:
        raise TypeError(f"logit_scale must be one number, not {scale.shape}")


def _phrases(given: object) -> tuple[str, ...] | None:
    if given is not None and not (isinstance(given, list) and all(isinstance(one, str) for one in given)):
        raise TypeError(f"phrases are a list of texts or null, not {str(given)[:100]}")
    return None if given is None else tuple(given)


def _classes(given: object) -> Classes:
    if not isinstance(given, list):
        raise TypeError(f"classes are a list of lists of phrases, not {str(given)[:100]}")
    return tuple(_phrases(one) or () for one in given)


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def save(  # noqa: PLR0913 - each by its name
    path: Path,
    *,
    config: ModelConfig,
    weights: Mapping[str, np.ndarray],
    known_phrases: Sequence[str] | None,
    taught_phrases: Sequence[str] | None = None,
    known_sets: Sequence[Classes] = (),
    known_kinds: Classes = (),
) -> None:
    """Write a checkpoint whole or not at all."""
    about = {
        "format": FORMAT,
        "config": config.to_dict(),
        "known_phrases": known_phrases,
        "taught_phrases": taught_phrases,
        "known_sets": known_sets,
        "known_kinds": known_kinds,
    }
    write_arrays(path, {name: np.asarray(array, order="C") for name, array in weights.items()}, about)


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


def read_tensors(file: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of anybody's safetensors file, bfloat16 included, which numpy does not know.

    Raises CheckpointError when the file is damaged.
    """
    try:
        with safe_open(file, framework="pt") as tensors:
            return {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118 -- not a dict
    except SafetensorError as fault:
        raise CheckpointError(f"{file} is damaged or no safetensors file: {fault}") from fault


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> None:
    """Write a safetensors file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    save_file(dict(arrays), part, metadata={"mrovseg": json.dumps(about, sort_keys=True)})
    part.replace(path)


def network(config: ModelConfig, weights: Mapping[str, np.ndarray]) -> MROVSeg:
    """Build a network over `image_weights` without copying them."""
    encoder = ImageEncoder.from_weights(config.clip, part_of(weights, "visual."))
    model = MROVSeg(config, encoder)
    if model.head is not None:
        with torch.device("meta"):
            model.head.to("meta")
        adopt(model.head, part_of(weights, "head."))
    return model.eval()


def text_encoder(config: ModelConfig, weights: Mapping[str, np.ndarray]) -> TextEncoder:
    """Build the text tower of a checkpoint."""
    clip = build(config.clip)
    adopt_text = TextEncoder(clip, config.clip["text_cfg"]["context_length"])
    adopt(adopt_text.clip, part_of(weights, "text.") | {"logit_scale": weights["logit_scale"]})
    return adopt_text.eval()


def part_of(weights: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Return the weights under a prefix, named without it."""
    return {name.removeprefix(prefix): array for name, array in weights.items() if name.startswith(prefix)}


def arrays_of(module: torch.nn.Module, prefix: str) -> dict[str, np.ndarray]:
    """Return a module's weights as arrays named under `prefix`."""
    return {f"{prefix}{name}": tensor.detach().cpu().numpy() for name, tensor in module.state_dict().items()}


def _widened(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Bring half floats to single precision."""
    return {
        name: array.astype(np.float32) if array.dtype == np.float16 else array
        for name, array in weights.items()
    }
