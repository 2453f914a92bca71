"""What is where in an output: the names below OUT that a run writes, and no others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline import objects

RUN, LEASE, SUMMARY, FAILURES = "run.json", "lease.json", "summary.parquet", "failures.parquet"
FILES = (LEASE, RUN, SUMMARY, FAILURES)
FOLDERS = ("ledger", "statistics", "inputs", "scenes")
"""What is done goes first when all is removed: masks without a ledger are computed again, a ledger without is a lie."""


MASKS = "masks.zarr"
"""The name of a scene's mask store."""

_ARRAYS = {"0/class", "0/score", "0/margin"}
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
    """Tell whether the Zarr hierarchy at ``uri`` is a scene's masks: by what it holds, or by the output it is in.

    A store that is being laid out says nothing yet; the record of its run is beside it from the beginning.

    Raises:
        PipelineError: the storage refused.
    """
    store = uri.rstrip("/")
    if holds_masks(_document(objects.join(store, "zarr.json"))):
        return True
    parts = store.rsplit("/", 3)
    inside = len(parts) == 4 and parts[1] == "scenes" and parts[3] == MASKS  # noqa: PLR2004 - OUT/scenes/ID/NAME
    return inside and _document(objects.join(parts[0], RUN)).keys() >= _RUN_KEYS


def holds_masks(document: Mapping[str, Any]) -> bool:
    """Tell whether a hierarchy's ``zarr.json`` is that of a mask store."""
    known = document.get("consolidated_metadata")
    arrays = known.get("metadata") if isinstance(known, dict) else None
    if not isinstance(arrays, dict) or not arrays.keys() >= _ARRAYS:
        return False
    classes = arrays["0/class"]
    attributes = classes.get("attributes") if isinstance(classes, dict) else None
    return isinstance(attributes, dict) and {"class_names", "flag_meanings"} <= attributes.keys()


def _document(uri: str) -> Mapping[str, Any]:
    """Return the object that is in a JSON document, an empty one where there is none."""
    try:
        found = objects.json_of(objects.get_document(uri))
    except (ValueError, FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return {}
    return found if isinstance(found, dict) else {}
