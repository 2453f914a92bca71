"""Networks of random weights for the tests: nothing is trained, so what holds of them holds of all."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from mrovseg.network.clip import ImageEncoder, build
from mrovseg.network.config import HeadConfig, ModelConfig
from mrovseg.network.model import MROVSeg
from mrovseg.weights import loading
from mrovseg.words.embedded import EmbeddedVocabulary

SMALL_CLIP: Mapping[str, Any] = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 64, "layers": 4, "width": 64, "head_width": 32, "patch_size": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}
SMALL_HEAD = HeadConfig(taps=(0, 1, 2, 4), split=2, width=32, queries=12, layers=3, heads=4)
SMALL = ModelConfig(clip=SMALL_CLIP, slices=2, head=SMALL_HEAD)


def all_weights(config: ModelConfig, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Return weights of both towers and of the head, named as in a checkpoint."""
    torch.manual_seed(seed)
    clip = build(config.clip)
    model = MROVSeg(config, ImageEncoder(clip.visual))
    weights = loading.module_weights(clip.visual, "visual.")
    if model.head is not None:
        stir(model.head)
        weights |= loading.module_weights(model.head, "head.")
    text = {k: v for k, v in clip.state_dict().items() if not k.startswith("visual.") and k != "logit_scale"}
    weights |= {f"text.{name}": tensor.numpy() for name, tensor in text.items()}
    return weights | {"logit_scale": clip.logit_scale.detach().numpy()}


def stir(module: torch.nn.Module) -> None:
    """Move a fresh head away from its zeros and ones, so that no identity holds by initialisation."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))


def network(config: ModelConfig, *, seed: int = 0) -> MROVSeg:
    """Return a network over random weights, ready to run."""
    return loading.network(config, all_weights(config, seed=seed))


def chips(config: ModelConfig, count: int = 2, *, seed: int = 0) -> np.ndarray:
    """Return chips of smooth random colour, uint8 (b, y, x, 3)."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, config.chip_px // 8, config.chip_px // 8, 3), dtype=np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


def as_batch(images: np.ndarray) -> torch.Tensor:
    """Return chips as the network takes them: (b, 3, y, x)."""
    return torch.from_numpy(images).permute(0, 3, 1, 2)


def vocabulary(classes: int, *, embed_dim: int = 32, prompts: int = 1, seed: int = 0) -> EmbeddedVocabulary:
    """Return random unit vectors for `classes` classes of `prompts` prompts each."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(classes * prompts + 1, embed_dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return EmbeddedVocabulary(
        vectors[:-1],
        np.arange(classes * prompts) // prompts,
        classes,
        vectors[-1],
        scale=100.0,
    )


def vectors_of(phrases: Sequence[str], *, embed_dim: int = 32) -> np.ndarray:
    """Return a random unit vector for each phrase, always the same."""
    vectors = np.stack([np.random.default_rng(list(p.encode())).normal(size=embed_dim) for p in phrases])
    unit: np.ndarray = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit
