"""Outputs as the tests name them: by the place of a mask store."""

import re

from pipeline.output import Output, SceneOutput


def scene_at(masks: object) -> SceneOutput:
    """Return the scene of an output whose mask store is at this path or uri."""
    found = re.fullmatch(r"(.*)/scenes/([^/]+)/masks\.zarr", str(masks))
    assert found is not None, masks
    return Output(found[1]).scene(found[2])
