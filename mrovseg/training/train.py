"""Training in two stages, contrast and masks, on one worker or several."""

import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from mrovseg.data.training_data import TrainingData
from mrovseg.device import has_fast_bfloat16
from mrovseg.errors import DataError, ModelConfigError
from mrovseg.training.contrast_stage import contrast_stage
from mrovseg.training.history import History
from mrovseg.training.initial_weights import InitialWeights, TrainableNetwork
from mrovseg.training.mask_stage import mask_stage
from mrovseg.training.stage import StageRecipe, run_stage
from mrovseg.training.worker import SINGLE_WORKER, Worker
from mrovseg.weights.checkpoint import Checkpoint

CHANGEABLE = ("threads", "save_every")  # keys of a stage that may change when a training resumes


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
    """How the network is measured during the second stage: `evaluate` returns the mIoU of a checkpoint's file.

    It is called each `every` steps and after the last, by the first worker alone.
    """

    every: int
    evaluate: Callable[[Path], float]


def train(
    recipe: Recipe,
    data: TrainingData,
    initial: InitialWeights,
    *,
    history: History,
    worker: Worker = SINGLE_WORKER,
    validation: Validation | None = None,
) -> Path:
    """Train a network; return the checkpoint's path. Raises DataError where the folder holds another training.

    Where the encoders are those of a checkpoint there is no first stage. The folder of the history holds the state of
    each stage besides; the same call on the same folder goes on from there, bit for bit on one worker. All workers make
    this call, and must reach the folder; the first of them writes `checkpoint.safetensors`, the last, and with a
    validation `best.safetensors`, that of the highest mIoU.
    """
    torch.set_num_threads(recipe.masks.threads)
    network = TrainableNetwork.create(initial, seed=recipe.seed, device=worker.device)
    history.require_same_training(_identity(recipe, network, data))
    if worker.is_first and worker.device.type == "cpu":
        _warn_of_bfloat16(recipe, history)
    if initial.source is None:
        stage = contrast_stage(_contrast_recipe(recipe), network, data, seed=recipe.seed)
        run_stage(stage, history, worker)
        network.freeze_clip()
    path = history.folder / "checkpoint.safetensors"
    save = partial(network.save, path, **_learned(data, initial.source))

    def evaluate() -> float:
        assert validation is not None  # noqa: S101 -- else nobody calls
        save()
        miou = validation.evaluate(path)
        if miou > history.best:
            _copy(path, history.folder / "best.safetensors")
        return miou

    every = validation.every if validation else None
    stage = mask_stage(recipe.masks, network, data.sets, seed=recipe.seed)
    run_stage(replace(stage, evaluate=evaluate, evaluate_every=every), history, worker)
    if worker.is_first:
        save()
        history.plot()
    return path


def _contrast_recipe(recipe: Recipe) -> StageRecipe:
    if recipe.contrast is None:
        raise DataError(
            "a training of all needs a recipe with `contrast`; one of a head alone needs a checkpoint"
        )
    return recipe.contrast


def _warn_of_bfloat16(recipe: Recipe, history: History) -> None:
    halved = any(stage is not None and stage.bfloat16 for stage in (recipe.contrast, recipe.masks))
    if halved and not has_fast_bfloat16():
        history.log(
            "warning: this processor has no instructions for bfloat16, which is slower on it than single precision; "
            "`bfloat16: false` in the stages of the recipe trains faster here"
        )


def _learned(data: TrainingData, source: Checkpoint | None) -> dict[str, Any]:
    """Return what `TrainableNetwork.save` writes of phrases and classes; with a `source`, also what that knows."""
    known: list[str] | None = data.phrases
    if source is not None:
        phrases = source.known_phrases
        known = None if phrases is None else sorted({*phrases, *data.taught})
    kinds = data.known_kinds if source is None else source.known_kinds
    return {"known": known, "taught": data.taught, "sets": data.known_sets, "kinds": kinds}


def _identity(recipe: Recipe, network: TrainableNetwork, data: TrainingData) -> dict[str, Any]:
    """Return what must be the same for a training to go on, by plain values."""
    head = network.model.config.head
    assert head is not None  # noqa: S101 -- a network in training has one
    phrases = hashlib.sha256("\n".join(data.phrases).encode()).hexdigest()
    about: dict[str, Any] = {"seed": recipe.seed, "phrases": phrases, "head": asdict(head)}
    for name, stage in (("contrast", recipe.contrast), ("masks", recipe.masks)):
        if stage is not None:
            about |= {f"{name}.{key}": value for key, value in asdict(stage).items() if key not in CHANGEABLE}
    return about


def _copy(source: Path, target: Path) -> None:
    """Copy a file atomically."""
    part = target.with_suffix(".part")
    shutil.copyfile(source, part)
    part.replace(target)
