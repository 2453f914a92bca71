"""Training in two stages; a step is a pure function of (seed, step), so that a killed run goes on unharmed."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from mrovseg import checkpoint
from mrovseg.clip import ImageEncoder, TextEncoder, build, whiten
from mrovseg.config import TINY, ModelConfig
from mrovseg.contrast import Contrast
from mrovseg.data import Augmentation, LabelledSet, WordSet, draw_chip
from mrovseg.errors import ModelConfigError
from mrovseg.masks import MaskTraining
from mrovseg.model import MROVSeg
from mrovseg.optimizer import keep, make_optimizers, restore
from mrovseg.vocabulary import TEMPLATES, embed, words

SAY_EVERY = 20  # steps
WHITENING_CHIPS = 60  # 19,440 patches of 144 px slices: 25 for each of a patch's 768 values


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


def train(recipe: Recipe, sets: Sequence[LabelledSet], word_set: WordSet, *, folder: Path) -> Path:
    """Train the tiny model from nothing; return the checkpoint's path.

    `folder` holds the state of each stage; the same call on the same folder goes on from there, bit for bit.
    """
    torch.manual_seed(recipe.seed)
    config, head = TINY, TINY.head
    assert head is not None  # noqa: S101 -- TINY has one
    clip = build(config.clip)
    encoder = ImageEncoder(clip.visual)
    text = TextEncoder(clip, config.clip["text_cfg"]["context_length"])
    # Random vectors tell the words of a small vocabulary apart as well as learned ones, and a step takes a third less.
    text.clip.token_embedding.requires_grad_(requires_grad=False)
    model = MROVSeg(config, encoder)
    whiten(encoder, _some_chips(model, sets, seed=recipe.seed))
    contrast = Contrast(config, encoder, text, split=head.split, bfloat16=recipe.contrast.bfloat16)
    run_stage(
        "contrast",
        contrast,
        recipe.contrast,
        folder=folder,
        seed=recipe.seed,
        losses=lambda step: _contrast_losses(contrast, recipe, sets, word_set, step),
    )
    contrast.requires_grad_(requires_grad=False).eval()
    masks = _mask_training(model, text, sets, points=recipe.masks.points)
    run_stage(
        "masks",
        masks,
        recipe.masks,
        folder=folder,
        seed=recipe.seed + 1,
        losses=lambda step: _mask_losses(masks, recipe, sets, step),
    )
    path = folder / "checkpoint.safetensors"
    save(path, config=config, model=model, text=text, phrases=_phrases(sets, word_set))
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
        module, rate=recipe.rate, matrix_rate=recipe.matrix_rate, weight_decay=recipe.weight_decay
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


def save(
    path: Path, *, config: ModelConfig, model: MROVSeg, text: TextEncoder, phrases: Sequence[str]
) -> None:
    """Write a checkpoint: matrices in half precision, and of the token table the rows that training used."""
    assert model.head is not None  # noqa: S101 -- trained networks have one
    used = torch.zeros(text.clip.token_embedding.weight.shape[0], 1)
    used[text.tokenize([t.format(p) for t in TEMPLATES for p in phrases]).unique()] = 1
    text_weights = checkpoint.arrays_of(text.clip, "text.")
    text_weights["text.token_embedding.weight"] = (text.clip.token_embedding.weight.detach() * used).numpy()
    weights = {
        "logit_scale": text_weights.pop("text.logit_scale"),
        **text_weights,
        **checkpoint.arrays_of(model.encoder.visual, "visual."),
        **checkpoint.arrays_of(model.head, "head."),
    }
    weights["logit_scale"] = np.minimum(weights["logit_scale"], np.float32(np.log(100)))
    halved = {key: w.astype(np.float16) if w.ndim >= 2 else w for key, w in weights.items()}  # noqa: PLR2004
    known = sorted(set().union(*map(words, [*phrases, *(t.format("") for t in TEMPLATES)])))
    checkpoint.save(path, config=config, weights=halved, known_words=known)


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
    model: MROVSeg, text: TextEncoder, sets: Sequence[LabelledSet], *, points: int
) -> MaskTraining:
    scale = float(text.clip.logit_scale.exp().clamp(max=100))
    vocabularies = [embed(s.spoken, _encoder(text), no_object=None, scale=scale) for s in sets]
    return MaskTraining(model, vocabularies, known=[len(s.vocabulary.names) for s in sets], points=points)


def _mask_losses(masks: MaskTraining, recipe: Recipe, sets: Sequence[LabelledSet], step: int) -> Losses:
    rng = np.random.default_rng([recipe.seed, 1, step])
    size = int(rng.choice(recipe.masks.sizes))
    chips = max(1, recipe.masks.slices_a_step // size**2)
    losses: Losses = masks(*masks.draw(sets, slices=size, chips=chips, rng=rng))
    return losses


def _some_chips(model: MROVSeg, sets: Sequence[LabelledSet], *, seed: int) -> Float[Tensor, "b 3 h w"]:
    """Draw the chips whose patches the stem is fitted to."""
    rng, side = np.random.default_rng([seed, 2]), 2 * model.encoder.side_px
    drawn = [
        draw_chip(sets, side_px=side, rng=rng, augmentation=Augmentation()) for _ in range(WHITENING_CHIPS)
    ]
    pixels = torch.from_numpy(np.stack([pixels for _, pixels, _ in drawn])).permute(0, 3, 1, 2)
    return (pixels - model.mean) / model.std


def _encoder(text: TextEncoder) -> Callable[[Sequence[str]], np.ndarray]:
    def encode(prompts: Sequence[str]) -> np.ndarray:
        with torch.no_grad():
            vectors: np.ndarray = text(prompts).numpy()
        return vectors

    return encode


def _phrases(sets: Sequence[LabelledSet], word_set: WordSet) -> list[str]:
    vocabularies = [s.vocabulary for s in sets] + [word_set.vocabulary]
    return sorted({phrase for v in vocabularies for prompts in v.prompts for phrase in prompts})
