"""What `run.json` says of a run: its settings, what decides its masks, and the versions that made them."""

import hashlib
import platform
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from jobs.run import run_record
from jobs.run.proposals import chip_layout
from jobs.run.settings import kinds
from jobs.run.settings.keys import keys_of, own_keys, written
from jobs.run.settings.scenes import write_scenes
from jobs.run.settings.segment import SegmentSettings
from mrovseg.weights.checkpoint import Checkpoint
from mrovseg.words.vocabulary import Vocabulary
from pipeline.config import Reading
from pipeline.output.palette import class_colors
from pipeline.redact import redacted
from pipeline.sources import Search
from pipeline.storage import objects
from pipeline.storage.access import OUTPUT_STORAGE, SOURCE_STORAGE, Storage
from pipeline.storage.objects.scene_uris import absolute_uri
from pipeline.store import PIXELS_ALONE, Contents

PACKAGES = ("mrovseg", "numpy", "torch", "open_clip_torch", "ray", "rasterio", "zarr", "pyproj")


def describe(
    settings: SegmentSettings,
    *,
    checkpoint: Checkpoint,
    threshold: float,
    precision: str = run_record.SINGLE,
    background: Sequence[str] = (),
    contents: Contents = PIXELS_ALONE,
) -> dict[str, Any]:
    """Describe a run by plain values: the same run gives the same bytes. It holds no credentials.

    `background` are the names of the background classes, `contents` is what mask stores hold.
    """
    layout = chip_layout(checkpoint.config, overlap_px=settings.flow.overlap_px)
    overlap = {"overlap_px": layout.side_px - layout.step_px}
    return {
        "format": run_record.FORMAT,
        "config": _config(settings)
        | {"threshold": threshold, "precision": precision, **overlap},  # by which it is resumed
        "vocabulary": numbered(settings.vocabulary),
        run_record.COLORS: colors_of(settings.vocabulary),
        "background": list(background),
        "model": _identity(settings)
        | {
            "digest": checkpoint.digest,
            "threshold": threshold,
            "chip_px": layout.side_px,
            "precision": precision,
        },
        "grid": _identity(settings.flow) | overlap,
        **contents.attributes,
        "reading": _reading(settings.reading),
        "versions": versions(PACKAGES),
    }


def numbered(words: Vocabulary) -> list[dict[str, Any]]:
    """Return a vocabulary by class ids."""
    return [
        {"class_id": class_id, "name": name, "prompts": list(prompts)}
        for class_id, (name, prompts) in enumerate(zip(words.names, words.prompts, strict=True), start=1)
    ]


def colors_of(words: Vocabulary) -> list[str]:
    """Return the colour of each class id: what was chosen, else the palette's."""
    chosen = {name: color for name, color in zip(words.names, words.colors, strict=False) if color}
    return [*class_colors(words.names, chosen)]


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of Python and of packages."""
    return {"python": platform.python_version()} | {each: metadata.version(each) for each in packages}


def _config(settings: SegmentSettings) -> dict[str, Any]:
    """Return every key that counts when the run is resumed, without credentials, for a process in any folder."""
    keys, values = keys_of(type(settings)), written(settings)
    scenes, output = settings.scenes, settings.output
    storages = {SOURCE_STORAGE.key: scenes.storage, OUTPUT_STORAGE.key: output.storage}
    shown = {key: storage_without_credentials(storage) for key, storage in storages.items()}
    hidden = shown[SOURCE_STORAGE.key] != values[SOURCE_STORAGE.key]
    return {name: value for name, value in values.items() if keys[name].setting.kept} | {
        "scenes": write_scenes([_without_credentials(spec) for spec in scenes.specs]),
        "redacted": hidden or any(_without_credentials(spec) != spec for spec in scenes.specs),
        "output": redacted(output.uri),
        **shown,
        "checkpoint": checkpoint_for_any_folder(settings.checkpoint),
    }


def _identity(part: object) -> dict[str, Any]:
    """Return what decides the masks, of a frozen value but not of those in it, as JSON holds it."""
    keys = own_keys(type(part))
    return {name: key.write(getattr(part, key.field)) for name, key in keys.items() if key.setting.identity}


def _reading(reading: Reading) -> dict[str, Any]:
    """Return what changes pixels, where an area may be long and stands as its digest."""
    found = _identity(reading)
    aoi = found["aoi"]
    found["aoi"] = None if aoi is None else hashlib.sha256(aoi.encode()).hexdigest()
    found["gsd_m"] = found.pop("gsd")
    return found


def _without_credentials(spec: str | Search) -> str | Search:
    if isinstance(spec, Search):
        return Search(redacted(spec.stac_api), spec.asked)
    return redacted(spec) if objects.is_remote(spec) else spec


def storage_without_credentials(storage: Storage) -> dict[str, Any]:
    """Return how a storage is reached, without what its endpoint may hold of credentials."""
    found: dict[str, Any] = kinds.write(Storage, storage)
    return found | ({} if storage.endpoint is None else {"endpoint": redacted(storage.endpoint)})


def checkpoint_for_any_folder(given: str) -> str:
    """Return a checkpoint's name, or where its file is for a run from any folder."""
    return absolute_uri(given) if given.endswith(".safetensors") else given
