"""CLIPs that others trained: what open_clip's names and tags stand for, and where their weights lie."""

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mrovseg.network import clip as _first  # noqa: F401 -- it lets open_clip be imported beside a CPU build of torch

# isort: split
import open_clip

from mrovseg.errors import CheckpointError, ModelConfigError
from mrovseg.network.config import CLIP_MEAN, CLIP_STD, check_sizes

SHOWN_CHARS = 200  # of a name
MAX_BYTES = 2**20  # of a description
TOKENS = 49_408  # of CLIP's own tokenizer, the only one there is here
HUB, FOLDER = "hf-hub:", "local-dir:"
DESCRIPTION = "open_clip_config.json"
SUFFIXES = (".safetensors", ".bin", ".pth", ".pt")
PREFERRED = (  # open_clip's order
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pth",
    "model.safetensors",
    "pytorch_model.bin",
    "pytorch_model.pth",
    "model.pth",
)
QUICKGELU = "-quickgelu"


@dataclass(frozen=True, slots=True)
class Pretrained:
    """A CLIP as it was found: its name and configuration, the file of its weights, how its images are normalised."""

    name: str
    clip: Mapping[str, Any]
    file: Path
    mean: tuple[float, float, float] = CLIP_MEAN
    std: tuple[float, float, float] = CLIP_STD

    def check_activation(self, *, quick: bool, weights: str) -> None:
        """Raise CheckpointError unless the model computes the activation that its weights were trained with."""
        if bool(self.clip.get("quick_gelu")) == quick:
            return
        other = f"{self.name}{QUICKGELU}" if quick else self.name.removesuffix(QUICKGELU)
        here = f"set quick_gelu to {str(quick).lower()} in its {DESCRIPTION}"
        raise CheckpointError(
            f"{weights} was trained with {'QuickGELU' if quick else 'GELU'} and {self.name} computes the other, which "
            f"gives wrong features; {here if self.name.startswith((HUB, FOLDER)) else f'take {other}'}"
        )


def find(model: str, weights: str | None) -> Pretrained:
    """Find a CLIP: a model that open_clip knows, with one of its tags or a file as `weights`, or a folder of both.

    `hf-hub:ORG/NAME` and `local-dir:FOLDER` hold description and weights, and take no `weights`.
    Raises ModelConfigError for the model and CheckpointError for the weights, saying what there is.
    """
    if not model.startswith((HUB, FOLDER)):
        return _built_in(model, weights)
    if weights is not None:
        raise CheckpointError(f"{model} has weights of its own; leave {weights!r} out")
    if model.startswith(FOLDER):
        folder = Path(model.removeprefix(FOLDER))
        return _described(model, folder / DESCRIPTION, _weights_in(folder))
    repository = model.removeprefix(HUB).strip("/")
    # open_clip's "ORG/NAME/" is the weights, whatever the name of their file.
    return _described(
        model, _fetched({"hf_hub": f"{repository}/{DESCRIPTION}"}), _fetched({"hf_hub": f"{repository}/"})
    )


def model_config(name: str) -> dict[str, Any]:
    """Return open_clip's configuration of a model name.

    Raises ModelConfigError for a name that open_clip does not know, and as `complete_config`.
    """
    found = open_clip.get_model_config(name)
    if found is None:
        raise ModelConfigError(f"{name!r} is not a ViT that open_clip knows; see open_clip.list_models()")
    return complete_config(found, name=name)


def complete_config(config: Mapping[str, Any], *, name: str) -> dict[str, Any]:
    """Return the configuration of a CLIP with open_clip's defaults filled in.

    Raises ModelConfigError unless it is of a ViT and of a text tower with CLIP's own tokenizer.
    """
    vision, text = dict(config["vision_cfg"]), dict(config["text_cfg"])
    vision_defaults, text_defaults = vars(open_clip.CLIPVisionCfg()), vars(open_clip.CLIPTextCfg())
    if vision.get("timm_model_name") or vision.get("patch_size", 0) is None:  # a ResNet's is null
        raise ModelConfigError(
            f"{name!r} is not a ViT that open_clip knows: its image tower is another network"
        )
    check_sizes(config, vision, text)
    vision = {key: vision_defaults[key] for key in ("image_size", "layers", "width", "patch_size")} | vision
    text = {key: text_defaults[key] for key in ("context_length", "vocab_size")} | text
    side_px = vision["image_size"]
    if not isinstance(side_px, int) or side_px < 1 or side_px % vision["patch_size"]:
        raise ModelConfigError(
            f"{name!r} must see squares of whole patches of {vision['patch_size']} px, got {side_px} px"
        )
    other = sorted({"hf_model_name", "hf_tokenizer_name", "tokenizer_kwargs"} & text.keys())
    if other or text["vocab_size"] != TOKENS or config.get("custom_text"):
        raise ModelConfigError(
            f"{name!r} has another text tower or tokenizer ({', '.join(other) or 'custom_text'}) than CLIP's own of "
            f"{TOKENS} tokens, the only one supported; take a model with that"
        )
    return {**config, "vision_cfg": vision, "text_cfg": text}


def _built_in(model: str, weights: str | None) -> Pretrained:
    clip, tags = model_config(model), ", ".join(open_clip.list_pretrained_tags_by_model(model)) or "none"
    if weights is None:
        raise CheckpointError(f"{model} needs weights: a file, or one of its tags ({tags})")
    tag = open_clip.get_pretrained_cfg(model, weights)
    # open_clip lists under a quickgelu name only what was trained so; the plain name has the rest.
    known = tag or open_clip.get_pretrained_cfg(model.removesuffix(QUICKGELU), weights)
    if known:
        named = Pretrained(model, clip, Path(), tuple(known["mean"]), tuple(known["std"]))
        named.check_activation(quick=bool(known.get("quick_gelu")), weights=f"the tag {weights!r}")
        return dataclasses.replace(named, file=_fetched(known))
    if not Path(weights).is_file():
        raise CheckpointError(f"{weights!r} is no file, nor a tag of {model}; its tags: {tags}")
    return Pretrained(model, clip, Path(weights))


def _described(model: str, description: Path, weights: Path) -> Pretrained:
    """Read what lies beside weights. Raises CheckpointError unless it is open_clip's description of a model."""
    try:
        about = json.loads(_small_text(description))
        images = about.get("preprocess_cfg", {})
        clip = complete_config(about["model_cfg"], name=model)
        mean, std = tuple(images.get("mean", CLIP_MEAN)), tuple(images.get("std", CLIP_STD))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        raise CheckpointError(
            f"{description} must be open_clip's description of a model, with model_cfg: {fault!r}"
        ) from fault
    return Pretrained(model, clip, weights, mean, std)


def _small_text(description: Path) -> str:
    """Read a file that holds a page of text, not one that never ends."""
    if not description.is_file() or description.stat().st_size > MAX_BYTES:
        raise ValueError(f"it must be a file of at most {MAX_BYTES} bytes")
    return description.read_text(encoding="utf-8")


def _weights_in(folder: Path) -> Path:
    """Return the file of weights in a folder; of several, the one that open_clip would take."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(Path(entry.path) for entry in entries if Path(entry.name).suffix in SUFFIXES)
    except OSError as fault:
        raise CheckpointError(
            f"{str(folder)[:SHOWN_CHARS]} must hold {DESCRIPTION} and a file of weights such as {PREFERRED[0]}; it "
            f"is no folder that can be read ({fault.strerror})"
        ) from fault
    known = sorted((f for f in found if f.name in PREFERRED), key=lambda file: PREFERRED.index(file.name))
    if not known and len(found) != 1:
        raise CheckpointError(
            f"{folder} must hold {DESCRIPTION} and a file of weights such as {PREFERRED[0]}; "
            f"of such files it holds {len(found)}"
        )
    return (known or found)[0]


def _fetched(source: Mapping[str, Any]) -> Path:
    """Return the file of a source, from open_clip's cache or fetched."""
    try:
        return Path(open_clip.download_pretrained(dict(source)))
    except (OSError, RuntimeError) as fault:
        raise CheckpointError(
            f"{source.get('hf_hub') or source.get('url')} could not be fetched ({fault}); "
            "without a network give a file of the weights, or local-dir:FOLDER"
        ) from fault
