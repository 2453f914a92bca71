"""What made the masks of a scene, on the root of its store; and whether all of its windows are done.

Whatever it says is the same however often, in what order and by how many workers the scene was done.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.output import SceneOutput
from pipeline.storage import objects

_KEY = "mrovseg"
_COMPLETE = "complete"


def provenance_attributes(scene: Mapping[str, Any], made_by: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attribute of the root: the scene's uri and date, what the run was, and that not all is done."""
    return {_KEY: {"scene": dict(scene), **made_by, _COMPLETE: False}}


def made_by_of(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the attributes of a root say of what made the masks.

    Raises:
        LookupError: they say nothing of it.
    """
    found: Mapping[str, Any] = attributes[_KEY]
    return found


def marked(root: bytes, *, complete: bool) -> bytes:
    """Return the metadata of a store's root saying that all of the scene's windows are done, or that they are not.

    Raises:
        ValueError, LookupError, TypeError: it is not the metadata of a root of ours.
    """
    metadata = json.loads(root)
    metadata["attributes"][_KEY][_COMPLETE] = complete
    return json.dumps(metadata, indent=2).encode()


def mark(scene: SceneOutput, *, complete: bool) -> None:
    """Note on the root of a scene's store whether the scene is complete; do nothing where there is no root.

    Done twice it changes nothing, and a damaged root is left to `mrovseg verify`.

    Raises:
        PipelineError: the storage refused.
    """
    root = scene.masks.join("zarr.json")
    try:
        found = objects.get_bytes(root)
        wanted = marked(found, complete=complete)
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        return
    if found != wanted:
        objects.put_bytes(root, wanted)
