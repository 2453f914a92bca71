"""Training in two stages, contrast and masks, on one worker or several."""

import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mrovseg.data.training_data import TrainingData
from mrovseg.device import multiplies_bfloat16
from mrovseg.errors import DataError, ModelConfigError
from mrovseg.training.contrast_stage import Contrast
from mrovseg.training.history import History
from mrovseg.training.initial_weights import Beginning, Networks
from mrovseg.training.mask_stage import MaskTraining
from mrovseg.training.stage import Losses, Stage, StageRecipe, run_stage
from mrovseg.training.worker import ALONE, Worker
from mrovseg.weights.checkpoint import Checkpoint
from mrovseg.words.embedding import embed

FREE = ("threads", "save_every")  # of a stage: what another attempt may change


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What `train` does: the seed and the two stages, the first one needed only without a checkpoint's encoders."""

    seed: int
    masks: StageRecipe
    contrast: StageRecipe | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """Read a recipe's plain values. Raises ModelConfigError naming a key that is unknown or missing."""
        try:
            stages = {
                name: StageRecipe(**values[name] | {"sizes": tuple(values[name]["sizes"])})
                for name in ("contrast", "masks")
                if name == "masks" or name in values
            }
            return cls(**{**values, **stages})
        except (KeyError, TypeError) as fault:
            raise ModelConfigError(f"the recipe is not complete or has a key too many: {fault}") from fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """How the second stage is measured while it goes on: `evaluate` returns the mIoU of a checkpoint's file.

    It is called each `every` steps and after the last, by the first worker alone.
    """

    every: int
    evaluate: Callable[[Path], float]


def train(
    recipe: Recipe,
    data: TrainingData,
    beginning: Beginning,
    *,
    history: History,
    worker: Worker = ALONE,
    validation: Validation | None = None,
) -> Path:
    """Train a network; return the checkpoint's path. Raises DataError where the folder holds another training.

    Where the encoders are those of a checkpoint there is no first stage. The folder of the history holds the state of
    each stage besides; the same call on the same folder goes on from there, bit for bit on one worker. All workers make
    this call, and must reach the folder; the first of them writes `checkpoint.safetensors`, the last, and with a
    validation `best.safetensors`, that of the highest mIoU.
    """
    torch.set_num_threads(recipe.masks.threads)
    networks = Networks.begin(beginning, seed=recipe.seed, device=worker.device)
    history.claim(_about(recipe, networks, data))
    if worker.leads and worker.device.type == "cpu":
        _warn_of_bfloat16(recipe, history)
    if beginning.source is None:
        run_stage(_contrast_stage(recipe, networks, data), history, worker)
        networks.freeze_clip()
    known = _known(data, beginning.source)
    kinds = data.known_kinds if beginning.source is None else beginning.source.known_kinds
    path = history.folder / "checkpoint.safetensors"

    def save() -> None:
        networks.save(path, known=known, taught=data.taught, sets=data.known_sets, kinds=kinds)

    def evaluate() -> float:
        assert validation is not None  # noqa: S101 -- else nobody calls
        save()
        miou = validation.evaluate(path)
        if miou > history.best:
            _copy(path, history.folder / "best.safetensors")
        return miou

    every = validation.every if validation else None
    run_stage(_masks_stage(recipe, networks, data, evaluate, every), history, worker)
    if worker.leads:
        save()
        history.draw()
    return path


def _warn_of_bfloat16(recipe: Recipe, history: History) -> None:
    halved = any(stage is not None and stage.bfloat16 for stage in (recipe.contrast, recipe.masks))
    if halved and not multiplies_bfloat16():
        history.say(
            "warning: this processor has no instructions for bfloat16, which is slower on it than single precision; "
            "`bfloat16: false` in the stages of the recipe trains faster here"
        )


def _known(data: TrainingData, source: Checkpoint | None) -> list[str] | None:
    """Return the phrases that images were compared with, by the source's own training too; None for any."""
    if source is None:
        return data.phrases
    return None if source.known_phrases is None else sorted({*source.known_phrases, *data.taught})


def _about(recipe: Recipe, networks: Networks, data: TrainingData) -> dict[str, Any]:
    """Return what must be the same for a training to go on, by plain values."""
    head = networks.model.config.head
    assert head is not None  # noqa: S101 -- networks in training have one
    phrases = hashlib.sha256("\n".join(data.phrases).encode()).hexdigest()
    about: dict[str, Any] = {"seed": recipe.seed, "phrases": phrases, "head": asdict(head)}
    for name, stage in (("contrast", recipe.contrast), ("masks", recipe.masks)):
        if stage is not None:
            about |= {f"{name}.{key}": value for key, value in asdict(stage).items() if key not in FREE}
    return about


def _contrast_stage(recipe: Recipe, networks: Networks, data: TrainingData) -> Stage:
    stage = recipe.contrast
    if stage is None:
        raise DataError(
            "a training of all needs a recipe with `contrast`; one of a head alone needs a checkpoint"
        )
    contrast = Contrast(
        networks.model.config,
        networks.model.encoder,
        networks.encode,
        networks.log_scale,
        bfloat16=stage.bfloat16,
    ).to(networks.model.mean.device)

    def losses(rng: np.random.Generator) -> Losses:
        size = int(rng.choice(stage.sizes))
        chips = max(1, stage.slices_a_step // size**2)
        batch = contrast.draw(data, slices=size, chips=chips, images=stage.images, rng=rng)
        return dict(contrast(batch, data, rng))

    return Stage(name="contrast", module=contrast, recipe=stage, seed=(recipe.seed, 0), losses=losses)


def _masks_stage(
    recipe: Recipe,
    networks: Networks,
    data: TrainingData,
    evaluate: Callable[[], float],
    evaluate_every: int | None,
) -> Stage:
    stage, sets = recipe.masks, data.sets
    masks = MaskTraining(
        networks.model,
        [
            embed(
                s.spoken, networks.encode, templates=networks.templates, no_object=None, scale=networks.scale
            )
            for s in sets
        ],
        known=[len(s.vocabulary.names) for s in sets],
        points=stage.points,
        bfloat16=stage.bfloat16,
    )

    def losses(rng: np.random.Generator) -> Losses:
        size = int(rng.choice(stage.sizes))
        chips = max(1, stage.slices_a_step // size**2)
        return dict(masks(*masks.draw(sets, slices=size, chips=chips, rng=rng)))

    return Stage(
        name="masks",
        module=masks,
        recipe=stage,
        seed=(recipe.seed, 1),
        losses=losses,
        evaluate=evaluate,
        evaluate_every=evaluate_every,
    )


def _copy(source: Path, target: Path) -> None:
    """Copy a file whole or not at all."""
    part = target.with_suffix(".part")
    shutil.copyfile(source, part)
    part.replace(target)
