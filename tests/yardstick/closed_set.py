"""What does the open vocabulary cost? A plain closed-set segmenter, trained on the same images for the same time.

`python -m tests.yardstick.closed_set --data DIR -o FOLDER --minutes 60` trains a U-Net of segmentation_models_pytorch,
whose encoder begins with the weights that the recipe's stem begins with, on those of the recipe's sets that have the
classes of its validation. It is measured window by window as `mrovseg evaluate` measures a checkpoint, on the same
images, and the same table and files come out.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

import mrovseg.network.clip  # noqa: F401 -- lets torchvision, and so the library below, be imported beside a CPU build of torch

import segmentation_models_pytorch as smp  # isort: skip

from jobs.model.measuring import compare
from jobs.model.recipes import read_inputs, read_recipe
from jobs.show import metrics
from mrovseg.data.definition import Definition
from mrovseg.data.labelled import IGNORE, LabelledSet
from mrovseg.data.sampling import Augmentation, sample_chip
from mrovseg.labels.labeller import Labeller
from mrovseg.network.config import TINY
from mrovseg.network.strides import strides
from mrovseg.words.embedded import EmbeddedVocabulary

DECODER_CHANNELS = (224, 128, 96, 64, 32)  # 3.9 M parameters in all, as many as `tiny`
CHIPS, CHIP_PX = 8, 288
RATE, ENCODER_RATE, WARMUP_STEPS = 1e-3, 3e-4, 50
SAY_EVERY = 50
CERTAIN = 100.0  # a scale by which a query is of its own class and of no other


class ClosedSet:
    """A network of fixed classes behind the two callables of a segmenter: each class is a query of its own."""

    chip_px, step_px, stride_px, chips_per_call = TINY.chip_px, TINY.chip_px // 2, strides(TINY).stride_px, 1

    def __init__(self, network: nn.Module, *, classes: int) -> None:
        self.network, self.queries = network.eval(), np.eye(classes, dtype=np.float32)
        words = EmbeddedVocabulary(
            self.queries, np.arange(classes), classes, np.zeros(classes, np.float32), CERTAIN
        )
        self.label = Labeller(vocabulary=words, threshold=0.0, stride_px=self.stride_px).label

    def propose(self, chips: UInt8[np.ndarray, "b y x 3"], /) -> dict[str, np.ndarray]:
        with torch.inference_mode():
            probabilities = avg_pool2d(self.network(normalised(chips)).softmax(1), self.stride_px)
        index = np.arange(len(self.queries), dtype=np.uint8)[:, None, None]
        return {
            "embeddings": np.stack([self.queries] * len(chips)),
            "index": np.broadcast_to(index, probabilities.shape),
            "weight": (255 * probabilities).round().to(torch.uint8).numpy(),
        }


def main(argv: Sequence[str]) -> int:
    arguments = _parser().parse_args(argv)
    inputs = read_inputs(read_recipe(arguments.recipe), arguments.data, source=None)
    (validation,) = inputs.validation
    definition = Definition.named(validation.definition)
    names = definition.vocabulary.names
    sets = [one for one in inputs.training.sets if one.vocabulary.names == names]
    torch.set_num_threads(arguments.threads)
    network = unet(len(names), inputs.beginning.stem)
    train(network, sets, seconds=60 * arguments.minutes, seed=arguments.seed)
    scenes = (one.load() for one in validation.scenes)
    agreement, borders = compare(
        ClosedSet(network, classes=len(names)), scenes, definition, classes=len(names)
    )
    print(metrics.report(agreement, borders, names))
    metrics.write(str(arguments.output), agreement, borders, names)
    return 0


def unet(classes: int, encoder: Mapping[str, Tensor] | None) -> smp.Unet:
    network = smp.Unet(
        "tu-mobilenetv2_100", encoder_weights=None, classes=classes, decoder_channels=DECODER_CHANNELS
    )
    if encoder is not None:
        mine = network.encoder.state_dict()
        given = {f"model.{name}": tensor.float() for name, tensor in encoder.items()}
        network.encoder.load_state_dict({name: given[name] for name in mine if name in given}, strict=True)
    return network


def train(network: smp.Unet, sets: Sequence[LabelledSet], *, seconds: float, seed: int) -> None:
    """Minimise the cross entropy of labelled pixels; rates warm up and fall by the time that is left."""
    rng = np.random.default_rng(seed)
    groups = [
        {"params": network.encoder.parameters(), "lr": ENCODER_RATE},
        {"params": [*network.decoder.parameters(), *network.segmentation_head.parameters()], "lr": RATE},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.05)
    rates = [group["lr"] for group in optimizer.param_groups]
    began, step = time.monotonic(), 0
    network.train()
    while (spent := (time.monotonic() - began) / seconds) < 1:
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * min(1.0, (step + 1) / WARMUP_STEPS) * (1 - spent) ** 0.9
        loss = loss_of(network, sets, rng)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        if step % SAY_EVERY == 0:
            print(f"step {step}, {spent:.0%} of the time, loss {float(loss.detach()):.3f}", file=sys.stderr)


def loss_of(network: smp.Unet, sets: Sequence[LabelledSet], rng: np.random.Generator) -> Tensor:
    """Return the loss of a batch that is drawn as the recipe's are."""
    # Batch norms are kept as they were pretrained: chips of one scene are too alike to tell what is usual.
    for layer in network.encoder.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eval()
    drawn = [sample_chip(sets, side_px=CHIP_PX, rng=rng, augmentation=Augmentation()) for _ in range(CHIPS)]
    labels = torch.from_numpy(np.stack([of for _, _, of in drawn])).long()
    wanted = torch.where((labels == 0) | (labels == IGNORE), IGNORE, labels - 1)
    logits = network(normalised(np.stack([pixels for _, pixels, _ in drawn])))
    return nn.functional.cross_entropy(logits, wanted, ignore_index=IGNORE)


def normalised(chips: UInt8[np.ndarray, "b y x 3"]) -> Tensor:
    mean, std = (255 * torch.tensor(of)[:, None, None] for of in (TINY.mean, TINY.std))
    return (torch.from_numpy(np.ascontiguousarray(chips.transpose(0, 3, 1, 2))) - mean) / std


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR")
    add("-o", "--output", type=Path, required=True, metavar="FOLDER")
    add("--recipe", default="tiny")
    add("--minutes", type=float, required=True)
    add("--threads", type=int, default=2)
    add("--seed", type=int, default=1)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
