"""What `run.json` says of a relabelling run: as of the run that proposed, but for words, threshold and area."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jobs.run import run_record
from jobs.run.description import (
    checkpoint_for_any_folder,
    colors_of,
    numbered,
    storage_without_credentials,
    versions,
)
from jobs.run.relabelling.source import Source, effective_area
from jobs.run.settings.keys import keys_of, written
from jobs.run.settings.relabel import RelabelSettings
from mrovseg.weights.checkpoint import Checkpoint
from pipeline.redact import redacted
from pipeline.storage.access import OUTPUT_STORAGE, SOURCE_STORAGE
from pipeline.store import Contents

PACKAGES = ("mrovseg", "numpy", "numba", "ray", "rasterio", "zarr", "pyproj")
ENCODERS = {True: ("wordllama",), False: ("torch", "open_clip_torch")}
"""What embeds words: the frozen encoder of sentences, or a network of the checkpoint's own."""


def describe_relabelling(
    settings: RelabelSettings,
    source: Source,
    *,
    checkpoint: Checkpoint,
    threshold: float,
    background: Sequence[str],
    contents: Contents,
) -> dict[str, Any]:
    """Describe a run by plain values: the same run gives the same bytes. It holds no credentials."""
    record, area = source.record, effective_area(settings, source)
    grid = {"scores": settings.scores or record["grid"]["scores"], "proposals": False}
    digest = None if area is None else hashlib.sha256(area.text.encode()).hexdigest()
    packages = (*PACKAGES, *ENCODERS[checkpoint.config.uses_sentence_encoder])
    return {
        "format": run_record.FORMAT,
        "config": _config(replace(settings, aoi=area)) | {"threshold": threshold},
        "vocabulary": numbered(settings.vocabulary),
        run_record.COLORS: colors_of(settings.vocabulary),
        "background": list(background),
        "model": record["model"] | {"threshold": threshold},
        "grid": record["grid"] | grid,
        **contents.attributes,
        "reading": record["reading"] | {"aoi": digest},
        run_record.SOURCE: {"output": redacted(source.output.uri), "run": source.run},
        "versions": versions(packages),
    }


def _config(settings: RelabelSettings) -> dict[str, Any]:
    """Return every key that counts when the run is resumed, without credentials, for a process in any folder."""
    keys, values = keys_of(type(settings)), written(settings)
    uri, given = settings.source_output.uri, settings.checkpoint
    return {name: value for name, value in values.items() if keys[name].setting.kept} | {
        "source": redacted(uri),
        "redacted": redacted(uri) != uri,
        "output": redacted(settings.output.uri),
        SOURCE_STORAGE.key: storage_without_credentials(settings.source_storage),
        OUTPUT_STORAGE.key: storage_without_credentials(settings.output.storage),
        "checkpoint": None if given is None else checkpoint_for_any_folder(given),
    }
