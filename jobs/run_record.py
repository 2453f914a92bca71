"""`run.json`: what made an output, written before the first window and compared before a resumed one."""

import hashlib
import json
import platform
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from jobs.settings import SegmentSettings
from mrovseg.checkpoint import Checkpoint
from pipeline import objects
from pipeline.config import Reading
from pipeline.errors import ResumeError
from pipeline.redact import redacted
from pipeline.sources import Search

FORMAT = 2
NAME = "run.json"
IDENTITY = (
    "vocabulary",
    "model",
    "grid",
    "reading",
)  # another of these, and windows of two runs would not fit together
PACKAGES = ("mrovseg", "numpy", "torch", "open_clip_torch", "ray", "rasterio", "zarr", "pyproj")


def describe(settings: SegmentSettings, *, checkpoint: Checkpoint, threshold: float) -> dict[str, Any]:
    """Describe a run by plain values: the same run gives the same bytes. It holds no credentials."""
    flow, words = settings.flow, settings.vocabulary
    return {
        "format": FORMAT,
        "config": {
            "scenes": [_spec(spec) for spec in settings.scenes.specs],
            "suffixes": list(settings.scenes.suffixes),
            "assets": list(settings.scenes.assets),
            "output": settings.output,
            "checkpoint": settings.checkpoint,
            "actors": flow.actors,
            "actor_cpus": flow.actor_cpus,
            "actor_gpus": flow.actor_gpus,
            "task_cpus": flow.task_cpus,
        },
        "vocabulary": [
            {"class_id": class_id, "name": name, "prompts": list(prompts)}
            for class_id, (name, prompts) in enumerate(zip(words.names, words.prompts, strict=True), start=1)
        ],
        "model": {
            "digest": checkpoint.digest,
            "threshold": threshold,
            "core_px": checkpoint.config.core_px,
            "halo_px": checkpoint.config.halo_px,
        },
        "grid": {"window_px": flow.window_px, "chunk_px": flow.chunk_px},
        "reading": _reading(settings.reading),
        "versions": {"python": platform.python_version()}
        | {package: metadata.version(package) for package in PACKAGES},
    }


def _reading(reading: Reading) -> dict[str, Any]:
    """Return what changes pixels: limits only decide which scenes are refused."""
    return {
        "bands": None if reading.bands is None else list(reading.bands),
        "range": None if reading.value_range is None else list(reading.value_range),
        "nodata": None if reading.nodata is None else str(reading.nodata),
        "gsd_m": reading.gsd_m,
        "aoi": None if reading.aoi is None else hashlib.sha256(reading.aoi.text.encode()).hexdigest(),
    }


def claim(output: str, description: dict[str, Any]) -> None:
    """Write the description to `output`, where nothing, or the same run, may be.

    Raises ResumeError when the output holds a run of another vocabulary, model or grid; the message shows the
    difference. Whether a scene has changed is found when its turn comes, see `pipeline.inputs`.
    """
    uri = objects.join(output, NAME)
    if objects.exists(uri):
        earlier = json.loads(objects.get_bytes(uri))
        _refuse_other_run(output, earlier, description)
    objects.put_bytes(uri, json.dumps(description, indent=1, sort_keys=True).encode() + b"\n")


def _refuse_other_run(output: str, earlier: dict[str, Any], now: dict[str, Any]) -> None:
    found = [text for key in IDENTITY for text in _differences(earlier.get(key), now[key], at=key)]
    if found:
        raise ResumeError(
            f"{output} holds another run: {'; '.join(found)}. "
            "Give another output, or the same settings to go on with that one"
        )


def _spec(spec: str | Search) -> Any:  # noqa: ANN401 - what JSON holds
    """Return a spec as it was given, without its credentials."""
    if isinstance(spec, Search):
        return {"stac_api": redacted(spec.stac_api), **spec.asked}
    return redacted(spec)


def _differences(earlier: object, now: object, *, at: str) -> Iterator[str]:
    """Yield `key: was -> is` for each leaf that differs."""
    if isinstance(earlier, list) and isinstance(now, list) and len(earlier) == len(now):
        earlier, now = dict(enumerate(earlier, start=1)), dict(enumerate(now, start=1))
    if isinstance(earlier, dict) and isinstance(now, dict):
        for key in sorted(earlier.keys() | now.keys(), key=str):
            yield from _differences(earlier.get(key), now.get(key), at=f"{at}.{key}")
    elif earlier != now:
        yield f"{at} was {json.dumps(earlier)}, is {json.dumps(now)}"
