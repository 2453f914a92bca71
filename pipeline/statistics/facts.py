"""What a scene is, beside what its masks say: where its file is, when it was taken, and where it lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline import store
from pipeline.geometry.lonlat.bounds import lonlat_bbox
from pipeline.geometry.view import View
from pipeline.output import SceneOutput
from pipeline.redact import redacted
from pipeline.statistics.footprints import footprint_of
from pipeline.storage import objects
from pipeline.storage.documents import json_of

ABOUT = ("uri", "datetime", "bbox")
"""What of it is in the summary too."""
NOTHING: Mapping[str, Any] = dict.fromkeys((*ABOUT, "footprint", "code", "wkt2", "shape", "transform"))
"""What is known of a scene whose note is gone."""


def origin(view: View) -> dict[str, Any]:
    """Return a scene's ``uri`` without credentials, and its ``datetime``, None where it is not known."""
    return {"uri": redacted(view.uris[0]), "datetime": view.datetime}


def facts_of(scene: SceneOutput, view: View, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the ``origin`` of a scene, its grid, and where it and its valid pixels are on earth, as JSON has it.

    ``rows`` are those of its statistics. ``bbox`` is that of the grid, ``footprint`` WKB in hexadecimal digits; both
    are None where it has no place. Its CRS is a ``code`` or, where that would not say the same, ``wkt2``.

    Raises:
        PipelineError: the storage refused.
    """
    header = view.header
    placed = store.scene_attributes(header)
    wkb = footprint_of(scene, header, rows)
    return {
        **origin(view),
        "bbox": lonlat_bbox(header),
        "footprint": None if wkb is None else wkb.hex(),
        "code": placed.get("proj:code"),
        "wkt2": placed.get("proj:wkt2"),
        "shape": placed["spatial:shape"],
        "transform": placed["spatial:transform"],
    }


def facts_by_note(scene: SceneOutput, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return ``facts_of`` of a scene by its note in the output, which its masks were made by.

    Raises:
        PipelineError: the storage refused.
    """
    try:
        view = View.from_values(json_of(objects.get_document(scene.inputs))["view"])
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return NOTHING
    return facts_of(scene, view, rows)
