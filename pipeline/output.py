"""What is where in an output: the names below OUT that a run writes, and no others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline import objects
from pipeline.documents import json_of

RUN, LEASE, SUMMARY, FAILURES = "run.json", "lease.json", "summary.parquet", "failures.parquet"
FILES = (LEASE, RUN, SUMMARY, FAILURES)
FOLDERS = ("ledger", "statistics", "inputs", "scenes")
"""What is done goes first when all is removed: masks without a ledger are computed again, a ledger without is a lie."""


MASKS = "masks.zarr"
"""The name of a scene's mask store."""

_RUN_KEYS = {"format", "vocabulary", "model", "grid"}


def ledger_path(scene_id: str) -> str:
    """Return where below an output it is noted what of a scene is done."""
    return f"ledger/{scene_id}"


def masks_path(scene_id: str) -> str:
    """Return where below an output a scene's mask store is."""
    return f"scenes/{scene_id}/{MASKS}"


def inputs_path(scene_id: str) -> str:
    """Return where below an output it is noted how a scene is read."""
    return f"inputs/{scene_id}.json"


def statistics_path(scene_id: str) -> str:
    """Return where below an output the statistics of a scene's windows are."""
    return f"statistics/{scene_id}.parquet"


def ledger_uri(output: str, scene_id: str) -> str:
    """Return the uri of ``ledger_path``."""
    return objects.join(output, ledger_path(scene_id))


def masks_uri(output: str, scene_id: str) -> str:
    """Return the uri of ``masks_path``."""
    return objects.join(output, masks_path(scene_id))


def inputs_uri(output: str, scene_id: str) -> str:
    """Return the uri of ``inputs_path``."""
    return objects.join(output, inputs_path(scene_id))


def statistics_uri(output: str, scene_id: str) -> str:
    """Return the uri of ``statistics_path``."""
    return objects.join(output, statistics_path(scene_id))


def is_mask_store(uri: str) -> bool:
    """Tell whether the Zarr hierarchy at ``uri``, or the one that it is a part of, is a scene's masks.

    That is told by what it holds, or by the output it is in: a store that is being laid out says nothing yet, and the
    record of its run is there from the beginning.

    Raises:
        PipelineError: the storage refused.
    """
    place = uri.rstrip("/")
    if _holds_masks(_document(objects.join(place, "zarr.json"))):
        return True
    store, mark, _ = f"{place}/".rpartition(f"/{MASKS}/")
    if not mark:
        return False
    if f"{store}{mark}" != f"{place}/" and _holds_masks(_document(f"{store}{mark}zarr.json")):
        return True
    output, scenes, _ = store.rpartition("/scenes/")
    return bool(scenes) and _document(objects.join(output, RUN)).keys() >= _RUN_KEYS


def _holds_masks(document: Mapping[str, Any]) -> bool:
    """Tell whether a ``zarr.json`` is that of a mask store, of its level, or of its class ids."""
    known = document.get("consolidated_metadata")
    arrays = known.get("metadata") if isinstance(known, dict) else None
    if isinstance(arrays, dict):
        classes = arrays.get("0/class", arrays.get("class"))
        beside = {"0/score", "0/margin"} <= arrays.keys() or {"score", "margin"} <= arrays.keys()
    else:
        classes, beside = document, document.get("node_type") == "array"
    attributes = classes.get("attributes") if isinstance(classes, dict) else None
    return beside and isinstance(attributes, dict) and {"class_names", "flag_meanings"} <= attributes.keys()


def _document(uri: str) -> Mapping[str, Any]:
    """Return the object that is in a JSON document, an empty one where there is none."""
    try:
        found = json_of(objects.get_document(uri))
    except (ValueError, FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return {}
    return found if isinstance(found, dict) else {}
