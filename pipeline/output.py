"""What is where in an output: the names below OUT that a run writes, and no others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipeline import objects
from pipeline.documents import json_of

RUN, LEASE, SUMMARY, FAILURES = "run.json", "lease.json", "summary.parquet", "failures.parquet"
FILES = (LEASE, RUN, SUMMARY, FAILURES)
SCENES_GROUP = "scenes/zarr.json"
FOLDERS = ("ledger", "failures", "statistics", "inputs", "scenes")
"""What is done goes first when all is removed: masks without a ledger are computed again, a ledger without is a lie."""

_SCENE = r"[A-Za-z0-9_][A-Za-z0-9._-]*-[0-9a-f]{16}"  # see ``scene_of``
_MADE = (
    r"ledger/{0}/([0-9]+-[0-9]+|plan-[0-9]+-[0-9a-f]{{32}})\.json|(inputs/{0}|scenes/zarr)\.json"
    r"|failures/{0}/([0-9]+-[0-9]+|scene(-[1-9][0-9]*)?|refused-[0-9a-f]{{16}})\.json"
    r"|statistics/{0}\.parquet|scenes/{0}/masks\.zarr/(([a-z_]+|[0-9]+)/)*(zarr\.json|c(/[0-9]+)*)"
)
_HALF_WRITTEN = re.compile(
    r"(?P<folder>.*/)(\.(?P<object>.+)\.[0-9a-f]{32}|(?P<chunk>[0-9]+|c)\..*\.partial|(?P<zarr>zarr)\..*\.partial)"
)


def is_made(path: str, scene_id: str | None = None) -> bool:
    """Tell whether a run writes ``path``, which is below an output's folders, or leaves it there half-written.

    It is of any scene that ``scene_of`` names, or of the one with ``scene_id``.

    >>> [is_made(path, "a") for path in ("ledger/a/0-512.json", "ledger/a/notes.json", "ledger/b/0-512.json")]
    [True, False, False]
    """
    half = _HALF_WRITTEN.fullmatch(path)
    if half is not None:
        path = half["folder"] + (half["object"] or half["chunk"] or "zarr.json")
    scene = _SCENE if scene_id is None else re.escape(scene_id)
    return re.fullmatch(_MADE.format(scene), path) is not None


def is_place_of_ours(path: str) -> bool:
    """Tell whether ``path`` is a folder of an output, of one of its scenes, or one inside of that."""
    folder, _, inner = path.partition("/")
    return folder in FOLDERS and (not inner or re.fullmatch(rf"{_SCENE}(/.*)?", inner) is not None)


def output_of(masks_uri: str) -> str:
    """Return the output that a mask store is of, or the store itself where it is of none."""
    found = re.fullmatch(r"(.*)/scenes/[^/]+/masks\.zarr", masks_uri)
    return found[1] if found else masks_uri


MASKS = "masks.zarr"
"""The name of a scene's mask store."""

_RUN_KEYS = {"format", "vocabulary", "model", "grid"}


def ledger_path(scene_id: str) -> str:
    """Return where below an output it is noted what of a scene is done."""
    return f"ledger/{scene_id}"


def failures_path(scene_id: str) -> str:
    """Return where below an output it is noted what of a scene failed."""
    return f"failures/{scene_id}"


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


def failures_uri(output: str, scene_id: str) -> str:
    """Return the uri of ``failures_path``."""
    return objects.join(output, failures_path(scene_id))


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
