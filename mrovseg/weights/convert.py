"""A network without a head, made of a CLIP that others trained: to segment with at once, and to train a head on."""

import dataclasses

import numpy as np
from torch import Tensor

from mrovseg.network.clip import ImageEncoder, build_on_meta, resize_positions
from mrovseg.network.config import ModelConfig, slices_for
from mrovseg.weights import state_dict
from mrovseg.weights.pretrained import Pretrained, complete_config, find


def headless_network(
    model: str,
    weights: str | None,
    *,
    slices: int | None = None,
    slice_px: int | None = None,
) -> tuple[ModelConfig, dict[str, np.ndarray]]:
    """Return a network without a head and its weights, named as in a checkpoint.

    `model` and `weights` are as in `find`. A chip has `slices` a side (None: as many as `slices_for` says). With
    `slice_px` the encoder takes slices of that side, its positions interpolated.
    Raises ModelConfigError for a model that cannot be built on, CheckpointError for weights that are not its own.
    """
    source = find(model, weights)
    if slice_px is not None:
        vision = {**source.clip["vision_cfg"], "image_size": slice_px}
        source = dataclasses.replace(
            source, clip=complete_config({**source.clip, "vision_cfg": vision}, name=model)
        )
    count = slices_for(source.clip["vision_cfg"]["image_size"]) if slices is None else slices
    config = ModelConfig(source.clip, count, head=None, mean=source.mean, std=source.std)
    network = build_on_meta(source.clip)
    ImageEncoder(network.visual)  # refuses a tower whose tokens cannot be read
    state_dict.check_size(source.file, network, name=model)
    state = _as_open_clip(state_dict.read(source.file), source)
    if slice_px is not None:
        resize_positions(state, network)
    state_dict.check(state, network, name=model)
    return config, state_dict.to_arrays(state)


def _as_open_clip(state: dict[str, Tensor], source: Pretrained) -> dict[str, Tensor]:
    """Leave out what OpenAI's files hold beside the weights; make the scale one number."""
    if state.keys() >= state_dict.OPENAI_MARKS:
        source.check_activation(quick=True, weights=f"OpenAI's {source.file}")
    weights = {name: tensor for name, tensor in state.items() if name not in state_dict.OPENAI_MARKS}
    scale = weights.get("logit_scale")
    return weights if scale is None else weights | {"logit_scale": scale.reshape(-1)[0]}
