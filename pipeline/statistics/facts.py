"""What a scene is, beside what its masks say: where its file is, when it was taken, and between which degrees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.geometry.bounds import lonlat_bbox
from pipeline.geometry.view import View
from pipeline.output import SceneOutput
from pipeline.redact import redacted
from pipeline.storage import objects
from pipeline.storage.documents import json_of

NOTHING: Mapping[str, Any] = {"uri": None, "datetime": None, "bbox": None}
"""What is known of a scene whose note is gone."""


def origin(view: View) -> dict[str, Any]:
    """Return a scene's ``uri`` without credentials, and its ``datetime``, None where it is not known."""
    return {"uri": redacted(view.uris[0]), "datetime": view.datetime}


def facts_of(view: View) -> dict[str, Any]:
    """Return the ``origin`` of a scene and its ``bbox``, None where it has no place on earth."""
    return {**origin(view), "bbox": lonlat_bbox(view.header)}


def facts_in_note(scene: SceneOutput) -> Mapping[str, Any]:
    """Return ``facts_of`` of a scene as its note in the output has it, which its masks were made by.

    Raises:
        PipelineError: the storage refused.
    """
    try:
        note = json_of(objects.get_document(scene.inputs))
        return facts_of(View.from_values(note["view"]))
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return NOTHING
