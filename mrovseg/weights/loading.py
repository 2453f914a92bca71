"""Networks over the weights of a checkpoint, without a copy; and weights as arrays."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float32

from mrovseg.network.clip import ImageEncoder, TextEncoder, assign_weights, build
from mrovseg.network.config import ModelConfig
from mrovseg.network.model import MROVSeg
from mrovseg.weights.checkpoint import Checkpoint


def encode_by_tower(checkpoint: Checkpoint, prompts: Sequence[str]) -> Float32[np.ndarray, "n e"]:
    """Return unit vectors of prompts by a checkpoint's own text tower."""
    with torch.inference_mode():
        vectors: np.ndarray = text_encoder(checkpoint.config, checkpoint.weights)(prompts).numpy()
    return vectors


def network(config: ModelConfig, weights: Mapping[str, np.ndarray]) -> MROVSeg:
    """Build a network over `image_weights` without copying them."""
    encoder = ImageEncoder.from_weights(config.clip, weights_under(weights, "visual."))
    model = MROVSeg(config, encoder)
    if model.head is not None:
        with torch.device("meta"):
            model.head.to("meta")
        assign_weights(model.head, weights_under(weights, "head."))
    return model.eval()


def text_encoder(config: ModelConfig, weights: Mapping[str, np.ndarray]) -> TextEncoder:
    """Build the text tower of a checkpoint."""
    clip = build(config.clip)
    encoder = TextEncoder(clip, config.clip["text_cfg"]["context_length"])
    assign_weights(encoder.clip, weights_under(weights, "text.") | {"logit_scale": weights["logit_scale"]})
    return encoder.eval()


def weights_under(weights: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Return the weights under a prefix, named without it."""
    return {name.removeprefix(prefix): array for name, array in weights.items() if name.startswith(prefix)}


def module_weights(module: torch.nn.Module, prefix: str) -> dict[str, np.ndarray]:
    """Return a module's weights as arrays named under `prefix`."""
    return {f"{prefix}{name}": tensor.detach().cpu().numpy() for name, tensor in module.state_dict().items()}
