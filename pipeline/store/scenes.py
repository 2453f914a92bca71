"""The group of all scenes of an output: with it they are one Zarr hierarchy, and no viewer has to write one."""

from __future__ import annotations

import json

from pipeline.output import Output
from pipeline.storage import objects

SCENES_DOCUMENT = b'{"attributes":{},"zarr_format":3,"node_type":"group"}'


def lay_out_scenes(output: Output) -> None:
    """Write the group where none is: another's, as a viewer writes it, is as good.

    Raises:
        PipelineError: the storage refused.
    """
    if not objects.exists(output.scenes_group):
        objects.put_bytes(output.scenes_group, SCENES_DOCUMENT)


def is_group(document: bytes) -> bool:
    """Tell whether this is the metadata of a group of Zarr v3, ours or another's."""
    try:
        found = json.loads(document)
    except ValueError:
        return False
    known = {"attributes", "zarr_format", "node_type", "consolidated_metadata"}
    return (
        isinstance(found, dict)
        and found.keys() <= known
        and isinstance(found.get("attributes", {}), dict)
        and (found.get("zarr_format"), found.get("node_type")) == (3, "group")
    )
