"""Training in two stages; a step is a pure function of (seed, step), so that a killed run goes on unharmed."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from mrovseg import checkpoint
from mrovseg.clip import ImageEncoder, build
from mrovseg.config import TINY, ModelConfig
from mrovseg.contrast import LARGEST_SCALE, Contrast, Encode
from mrovseg.data import LabelledSet, WordSet
from mrovseg.errors import ModelConfigError
from mrovseg.masks import MaskTraining
from mrovseg.model import MROVSeg
from mrovseg.optimizer import keep, make_optimizers, restore
from mrovseg.sentences import SentenceEncoder
from mrovseg.stem import adopt_mobilenetv2
from mrovseg.vocabulary import PLAIN, embed

SAY_EVERY = 20  # steps


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRecipe:
    """How long and how fast a stage learns.

    A step draws chips of a size drawn from `sizes` (slices a side), as many as hold `slices_a_step` slices. `rate` and
    `matrix_rate` are those of `make_optimizers`.
    """

    threads: int
    steps: int
    slices_a_step: int
    sizes: tuple[int, ...]
    rate: float
    matrix_rate: float
    stem_rate: float = 0.0
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    warmup_steps: int = 50
    images: int = 0
    points: int = 2048
    bfloat16: bool = False
    save_every: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What `train` does: the seed and the two stages."""

    seed: int
    contrast: StageRecipe
    masks: StageRecipe

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """Read a recipe's plain values. Raises ModelConfigError naming a key that is unknown or missing."""
        try:
            stages = {
                name: StageRecipe(**values[name] | {"sizes": tuple(values[name]["sizes"])})
                for name in ("contrast", "masks")
            }
            return cls(**{**values, **stages})
        except (KeyError, TypeError) as fault:
            raise ModelConfigError(f"the recipe is not complete or has a key too many: {fault}") from fault


Losses = dict[str, Tensor]


def train(
    recipe: Recipe,
    sets: Sequence[LabelledSet],
    word_set: WordSet,
    *,
    stem: Mapping[str, Tensor] | None = None,
    folder: Path,
) -> Path:
    """Train the tiny model; return the checkpoint's path.

    `stem` holds pretrained weights of its stem; without them that, too, is learned from nothing.

    `folder` holds the state of each stage; the same call on the same folder goes on from there, bit for bit.
    """
    torch.manual_seed(recipe.seed)
    config, head = TINY, TINY.head
    assert head is not None  # noqa: S101 -- TINY has one
    encoder, encode = ImageEncoder(build(config.clip).visual), SentenceEncoder()
    if stem is not None:
        adopt_mobilenetv2(encoder.visual.conv1, stem)
    contrast = Contrast(config, encoder, encode, split=head.split, bfloat16=recipe.contrast.bfloat16)
    run_stage(
        "contrast",
        contrast,
        recipe.contrast,
        folder=folder,
        seed=recipe.seed,
        losses=lambda step: _contrast_losses(contrast, recipe, sets, word_set, step),
    )
    contrast.requires_grad_(requires_grad=False).eval()
    scale = float(contrast.scale.exp().clamp(max=LARGEST_SCALE))
    masks = _mask_training(MROVSeg(config, encoder), encode, sets, points=recipe.masks.points, scale=scale)
    run_stage(
        "masks",
        masks,
        recipe.masks,
        folder=folder,
        seed=recipe.seed + 1,
        losses=lambda step: _mask_losses(masks, recipe, sets, step),
    )
    path = folder / "checkpoint.safetensors"
    save(path, config=config, model=masks.model, scale=scale, phrases=_phrases(sets, word_set))
    return path


def run_stage(
    name: str,
    module: nn.Module,
    recipe: StageRecipe,
    *,
    folder: Path,
    seed: int,
    losses: Callable[[int], Losses],
) -> None:
    """Minimise the sum of `losses(step)` over the parameters of `module` that want a gradient.

    Rates warm up and decay by a polynomial of power 0.9; the state is saved every `save_every` steps.
    """
    torch.set_num_threads(recipe.threads)
    learned = {key: p for key, p in module.named_parameters() if p.requires_grad}
    optimizers = make_optimizers(
        module,
        rate=recipe.rate,
        stem_rate=recipe.stem_rate,
        matrix_rate=recipe.matrix_rate,
        weight_decay=recipe.weight_decay,
    )
    state = folder / f"{name}.safetensors"
    start = restore(state, learned, optimizers)
    say = Progress(name, start, recipe.steps)
    for step in range(start, recipe.steps):
        for group in (g for optimizer in optimizers for g in optimizer.param_groups):
            group["lr"] = group["initial_lr"] * rate_factor(step, recipe)
        torch.manual_seed(hash((seed, step)))
        with sdpa_kernel(
            SDPBackend.MATH
        ):  # on a CPU the fused attention's backward pass is three times slower
            parts = losses(step)
        module.zero_grad(set_to_none=True)
        torch.stack(list(parts.values())).sum().backward()
        nn.utils.clip_grad_norm_(list(learned.values()), recipe.clip_norm)
        for optimizer in optimizers:
            optimizer.step()
        say(step, parts)
        if (step + 1) % recipe.save_every == 0 or step + 1 == recipe.steps:
            keep(state, learned, optimizers, step=step + 1)


def rate_factor(step: int, recipe: StageRecipe) -> float:
    """Return the share of the learning rate at a step."""
    left: float = (1 - step / recipe.steps) ** 0.9
    return left * min(1.0, (step + 1) / recipe.warmup_steps)


def save(path: Path, *, config: ModelConfig, model: MROVSeg, scale: float, phrases: Sequence[str]) -> None:
    """Write a checkpoint, matrices in half precision."""
    assert model.head is not None  # noqa: S101 -- trained networks have one
    weights = {
        "logit_scale": np.array(np.log(scale), np.float32),
        **checkpoint.arrays_of(model.encoder.visual, "visual."),
        **checkpoint.arrays_of(model.head, "head."),
    }
    halved = {key: w.astype(np.float16) if w.ndim >= 2 else w for key, w in weights.items()}  # noqa: PLR2004
    checkpoint.save(path, config=config, weights=halved, known_phrases=phrases)


class Progress:
    """A line every few steps: losses, speed and the time that is left."""

    def __init__(self, name: str, start: int, steps: int) -> None:
        """Start the clock."""
        self.name, self.start, self.steps, self.began = name, start, steps, time.monotonic()
        self.sums: dict[str, float] = {}

    def __call__(self, step: int, losses: Losses) -> None:
        """Count a step."""
        for key, loss in losses.items():
            self.sums[key] = self.sums.get(key, 0.0) + float(loss.detach())
        if (step + 1) % SAY_EVERY and step + 1 != self.steps:
            return
        pace = (time.monotonic() - self.began) / (step + 1 - self.start)
        count = min(step % SAY_EVERY, step - self.start) + 1
        means = "  ".join(f"{key} {total / count:.3f}" for key, total in self.sums.items())
        left = f"{pace:.2f} s a step, {pace * (self.steps - step - 1) / 60:.0f} min left"
        sys.stderr.write(f"{self.name} {step + 1}/{self.steps}  {means}  {left}\n")
        sys.stderr.flush()
        self.sums = {}


def _contrast_losses(
    contrast: Contrast, recipe: Recipe, sets: Sequence[LabelledSet], word_set: WordSet, step: int
) -> Losses:
    rng = np.random.default_rng([recipe.seed, 0, step])
    size = int(rng.choice(recipe.contrast.sizes))
    chips = max(1, recipe.contrast.slices_a_step // size**2)
    batch = contrast.draw(sets, word_set, slices=size, chips=chips, images=recipe.contrast.images, rng=rng)
    losses: Losses = contrast(batch, sets, word_set, rng)
    return losses


def _mask_training(
    model: MROVSeg, encode: Encode, sets: Sequence[LabelledSet], *, points: int, scale: float
) -> MaskTraining:
    vocabularies = [embed(s.spoken, encode, templates=PLAIN, no_object=None, scale=scale) for s in sets]
    return MaskTraining(model, vocabularies, known=[len(s.vocabulary.names) for s in sets], points=points)


def _mask_losses(masks: MaskTraining, recipe: Recipe, sets: Sequence[LabelledSet], step: int) -> Losses:
    rng = np.random.default_rng([recipe.seed, 1, step])
    size = int(rng.choice(recipe.masks.sizes))
    chips = max(1, recipe.masks.slices_a_step // size**2)
    losses: Losses = masks(*masks.draw(sets, slices=size, chips=chips, rng=rng))
    return losses


def _phrases(sets: Sequence[LabelledSet], word_set: WordSet) -> list[str]:
    vocabularies = [s.vocabulary for s in sets] + [word_set.vocabulary]
    return sorted({phrase for v in vocabularies for prompts in v.prompts for phrase in prompts})
