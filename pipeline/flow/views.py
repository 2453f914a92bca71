"""How each scene of an output is read: decided by the first task that meets it, and kept for all others.

The same file always gives the same view, so it does not matter which of several tasks writes it. It is kept all
the same: a later run, with another version of GDAL, must go on with the very numbers that the first one used.
"""

from __future__ import annotations

import json

from pipeline import objects, raster
from pipeline.config import Reading
from pipeline.scene import Scene
from pipeline.view import View


def view_of(scene: Scene, *, output: str, reading: Reading) -> View:
    """Return how a scene is read: as the output has it, unless its files have changed since, else newly decided.

    Raises:
        RasterError: the scene cannot be read.
        PipelineError: the output cannot be read or written.
    """
    uri = objects.join(output, "views", f"{scene.scene_id}.json")
    files = _files(scene)
    try:
        kept = json.loads(objects.get_bytes(uri))
        if kept["files"] == files:
            return View.from_values(kept["view"])
    except FileNotFoundError:
        pass
    view = raster.look(scene, reading)
    record = {"files": files, "view": view.to_values()}
    objects.put_bytes(uri, json.dumps(record, indent=1, sort_keys=True).encode() + b"\n")
    return view


def _files(scene: Scene) -> dict[str, list[int | str]]:
    """Return size and etag of a scene's files."""
    uris = {band.uri for band in scene.bands} if scene.bands else {scene.uri}
    return {uri: list(_state(uri)) for uri in sorted(uris)}


def _state(uri: str) -> tuple[int, str]:
    found = raster.read_input(uri)
    return found.size_bytes, found.etag
