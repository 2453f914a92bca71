"""What a scene's files were when its masks were made, and how they are read: one small object a scene.

It is OUT/inputs/SCENE_ID.json. Who reads a scene notes it, so that nobody has to ask for the files of a million scenes
before the first. The same files are always read in the same way, so it does not matter which of several tasks writes
it. It is kept all the same: a later run, with another version of GDAL, must go on with the very numbers of the first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipeline import ledger, objects, raster
from pipeline.config import Reading
from pipeline.documents import json_of
from pipeline.errors import PipelineError, ResumeError
from pipeline.output import inputs_uri, ledger_uri, statistics_uri
from pipeline.redact import redacted
from pipeline.scene import Band, Scene
from pipeline.view import View


def claim(output: str, scene: Scene, reading: Reading, *, keep_valid: bool = False) -> View:
    """Note the scene's files, and how they are read; where it has windows that are done both stay as noted then.

    With ``keep_valid`` a scene that has changed since loses its masks, instead of being refused: it may then be claimed
    by one at a time only.

    Doing it twice, or at once by several that share a scene, changes nothing.

    Raises:
        RasterError: a file is missing or cannot be read.
        ResumeError: the scene has masks, and a file has changed since.
        PipelineError: the output cannot be read or written.
    """
    uri = inputs_uri(output, scene.scene_id)
    files = [{"uri": redacted(file), **raster.read_input(file)._asdict()} for file in scene.files]
    noted = _noted(uri)
    if noted is not None and noted["files"] == files:
        return _named(View.from_values(noted["view"]), {redacted(file): file for file in scene.files})
    if noted is not None and ledger.done(output, scene.scene_id):
        if not keep_valid:
            raise ResumeError(_changed(output, scene, noted["files"], files))
        remove_scene(output, scene.scene_id)
    view = raster.look(scene, reading)
    without_secrets = _named(view, {file: redacted(file) for file in scene.files})
    note = {"files": files, "view": without_secrets.to_values()}
    objects.put_bytes(uri, json.dumps(note, sort_keys=True, indent=1).encode() + b"\n")
    return view


def remove_scene(output: str, scene_id: str) -> None:
    """Remove all that an output holds of a scene, and first what says that something of it is done.

    Raises:
        PipelineError: the storage refused.
    """
    objects.remove_folder(ledger_uri(output, scene_id))
    objects.remove(statistics_uri(output, scene_id))
    objects.remove_folder(objects.join(output, "scenes", scene_id))
    objects.remove(inputs_uri(output, scene_id))


def _changed(output: str, scene: Scene, was: list[dict[str, Any]], now: list[dict[str, Any]]) -> str:
    """Say which files have changed, and in what."""
    before = {file["uri"]: file for file in was}
    differences = [
        f"{key} of {file['uri']} was {before.get(file['uri'], {}).get(key)}, is {value}"
        for file in now
        for key, value in file.items()
        if before.get(file["uri"], {}).get(key) != value
    ]
    return (
        f"{output} holds masks of {', '.join(scene.files)} as it was before it changed: {'; '.join(differences)}. "
        "Give another output, or the file as it was, or --keep-valid to have only what has changed done anew"
    )


def _noted(uri: str) -> dict[str, Any] | None:
    try:
        noted: dict[str, Any] = json_of(objects.get_document(uri))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise PipelineError(
            f"{uri} is damaged ({error}): have `mrovseg verify --forget` remove it and what depends on it"
        ) from error
    return noted


def _named(view: View, names: Mapping[str, str]) -> View:
    """Return a view whose bands' files have other names."""
    return replace(view, bands=tuple(Band(names[band.uri], band.number) for band in view.bands))
