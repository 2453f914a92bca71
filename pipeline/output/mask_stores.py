"""Which Zarr hierarchies are masks that a run wrote: none of them is a scene."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.output.names import MASKS, SCENES
from pipeline.output.values import Output
from pipeline.storage import objects
from pipeline.storage.documents import json_of
from pipeline.storage.location import Location

_RUN_KEYS = {"format", "vocabulary", "model", "grid"}


def is_mask_store(location: Location) -> bool:
    """Tell whether a Zarr hierarchy, or the one that it is a part of, is a scene's masks.

    That is told by what it holds, or by the output it is in: a store that is being laid out says nothing yet, and the
    record of its run is there from the beginning.

    Raises:
        PipelineError: the storage refused.
    """
    uri = location.uri.rstrip("/")
    if _holds_masks(_document(location.at(uri).join("zarr.json"))):
        return True
    store, mark, _ = f"{uri}/".rpartition(f"/{MASKS}/")
    if not mark:
        return False
    whole = location.at(f"{store}{mark}")
    if whole.uri != f"{uri}/" and _holds_masks(_document(whole.join("zarr.json"))):
        return True
    output, scenes, _ = store.rpartition(f"/{SCENES}/")
    return bool(scenes) and _document(Output(output or "/", location.storage).run).keys() >= _RUN_KEYS


def _holds_masks(document: Mapping[str, Any]) -> bool:
    """Tell whether a ``zarr.json`` is that of a mask store, of a group in it, or of its class ids."""
    said = document.get("attributes")
    contents = said.get("contents") if isinstance(said, dict) else None
    if isinstance(contents, dict) and contents.keys() == {"scores", "proposals"}:
        return True
    known = document.get("consolidated_metadata")
    arrays = known.get("metadata") if isinstance(known, dict) else None
    if isinstance(arrays, dict):
        classes = arrays.get("0/class", arrays.get("class"))
        beside = {"0/score", "0/margin"} <= arrays.keys() or {"score", "margin"} <= arrays.keys()
    else:
        classes, beside = document, document.get("node_type") == "array"
    attributes = classes.get("attributes") if isinstance(classes, dict) else None
    return beside and isinstance(attributes, dict) and {"class_names", "flag_meanings"} <= attributes.keys()


def _document(location: Location) -> Mapping[str, Any]:
    """Return the object that is in a JSON document, an empty one where there is none."""
    try:
        found = json_of(objects.get_document(location))
    except (ValueError, FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return {}
    return found if isinstance(found, dict) else {}
