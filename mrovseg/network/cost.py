"""What a network costs: parameters, and multiply-accumulate operations for a chip."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.backends import mha
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from mrovseg.network.clip import ImageEncoder, build
from mrovseg.network.config import ModelConfig
from mrovseg.network.model import MROVSeg

ENCODER = "encoder"
HEAD = {
    "adapters": "adapters",
    "fine_adapters": "adapters of the stem's maps",
    "pixel_decoder": "pixel decoder",
    "mask_decoder": "mask decoder",
    "attention_masks": "attention-mask decoder",
}
REST = "masked attention and the rest"
ALL = "Global"  # torch's name for what all modules do together


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a network: its parameters, whether they are trained, and its multiply-accumulates for one chip."""

    name: str
    parameters: int
    trained: bool
    macs: int


def parts(config: ModelConfig, *, chip_px: int) -> list[Part]:
    """Count the parts of a network on a chip of side `chip_px`, in the order in which they run; nothing is computed.

    Matrix products and convolutions are counted, by torch's counter; norms, activations and softmax are not. The last
    part is what no module of its own does: the queries' own path through the encoder's last blocks, and no-object.
    """
    with torch.device("meta"):
        model = (
            MROVSeg(config, ImageEncoder(build(config.clip).visual))
            .eval()
            .requires_grad_(requires_grad=False)
        )
        chips = torch.zeros(1, 3, chip_px, chip_px, dtype=torch.uint8)
    if model.head is None:
        seen = _macs(lambda: model.encode(chips, {model.encoder.depth}))[ALL]
        return [Part(ENCODER, _parameters(model.encoder), trained=False, macs=seen)]
    counts, whole = _macs(lambda: model(chips)), type(model).__name__
    # With a head the encoder runs to the last depth that is read, on patches; the queries' own path is counted last.
    found = [Part(ENCODER, _parameters(model.encoder), trained=False, macs=counts[f"{whole}.encoder"])]
    for name, title in HEAD.items():
        module = getattr(model.head, name)
        if not _parameters(module):  # only some stems have maps of their own
            continue
        called = [f"{name}.{i}" for i in range(len(module))] if isinstance(module, nn.ModuleList) else [name]
        macs = sum(counts[f"{whole}.head.{one}"] for one in called)
        found.append(Part(title, _parameters(module), trained=True, macs=macs))
    rest = _parameters(model.head) - sum(part.parameters for part in found[1:])
    return [
        *found,
        Part(REST, rest, trained=True, macs=counts[ALL] - sum(part.macs for part in found)),
    ]


def _macs(run: Callable[[], object]) -> dict[str, int]:
    """Return the multiply-accumulates of a call, by the module that was called, and of all together."""
    fast = mha.get_fastpath_enabled()
    mha.set_fastpath_enabled(
        False
    )  # the counter knows neither torch's fused attention layer nor its kernel on CPUs
    try:
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            run()
    finally:
        mha.set_fastpath_enabled(fast)
    return {module: sum(flops.values()) // 2 for module, flops in counter.get_flop_counts().items()}


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
