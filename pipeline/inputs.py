"""What a scene's files were when its masks were made: one small object a scene at OUT/inputs/SCENE_ID.json.

Who reads a scene notes it, so that nobody has to ask for the files of a million scenes before the first.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from pipeline import ledger, objects, raster
from pipeline.errors import ResumeError
from pipeline.redact import redacted
from pipeline.scene import Scene


def claim(output: str, scene: Scene) -> None:
    """Note size and etag of the scene's files; where it has windows that are done they must be as noted then.

    Doing it twice, or at once by several that share a scene, changes nothing.

    Raises:
        RasterError: a file is missing, or the storage refused.
        ResumeError: the scene has masks, and a file has changed since.
        PipelineError: the output cannot be read or written.
    """
    uri = objects.join(output, "inputs", f"{scene.scene_id}.json")
    now = _described(scene)
    try:
        noted = objects.get_bytes(uri)
    except FileNotFoundError:
        noted = None
    if noted == now:
        return
    if noted is not None and ledger.done(output, scene.scene_id):
        raise ResumeError(
            f"{output} holds masks of {', '.join(scene.files)} as it was before it changed. "
            "Give another output, or the file as it was"
        )
    objects.put_bytes(uri, now)


def _described(scene: Scene) -> bytes:
    files = [{"uri": redacted(uri), **asdict(raster.read_input(uri))} for uri in scene.files]
    bands = scene.bands and [{"uri": redacted(band.uri), "number": band.number} for band in scene.bands]
    return json.dumps({"files": files, "bands": bands}, sort_keys=True, indent=1).encode() + b"\n"
