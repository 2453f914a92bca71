"""The files of a scene and how it is read: looked up, pinned in the output, and checked again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from pipeline import raster
from pipeline.config import Reading
from pipeline.dates import DatetimePattern
from pipeline.errors import RasterError, ResumeError
from pipeline.geometry.scene import Scene
from pipeline.geometry.view import View
from pipeline.output import Output, ledger
from pipeline.output.inputs import (
    Inputs,
    changed_message,
    differences,
    read_note,
    remove_scene,
    shown_names,
    with_file_names,
)
from pipeline.redact import redacted
from pipeline.storage import objects
from pipeline.storage.access import Storage
from pipeline.storage.objects import ObjectInfo


def inputs_of(scene: Scene, reading: Reading) -> Inputs:
    """Return the size and etag of a scene's files, and of all others that it depends on.

    Raises:
        RasterError: a file is missing, or is a virtual raster that is refused.
        PipelineError: the storage refused.
    """
    files = {file: raster.read_input(file, reading) for file in scene.files}
    return Inputs(files, _infos(_dependencies(scene, reading), reading.storage))


def check_unchanged(inputs: Inputs, reading: Reading) -> None:
    """Refuse what was made of a scene whose files have changed since.

    A window that is done before stays as it is: it is of the file that is noted, and a later run refuses the scene
    as long as it has such windows, or does all of it anew.

    Raises:
        RasterError: a file has changed, is gone, or is new.
        PipelineError: the storage refused.
    """
    files = {file: raster.read_input(file, reading) for file in inputs.files}
    dependencies = raster.sidecars_of([*files, *inputs.dependencies], reading.storage)
    now = Inputs(files, _infos(sorted({*inputs.dependencies, *dependencies} - {*files}), reading.storage))
    if now != inputs:
        raise RasterError(
            f"{' and '.join(files)} changed while it was read: {differences(inputs.noted(), now.noted())}. Give the "
            "command again when nobody writes there; with --keep-valid where windows of it were done before"
        )


def pin_view(
    output: Output,
    scene: Scene,
    reading: Reading,
    *,
    keep_valid: bool = False,
    inputs: Inputs | None = None,
) -> View:
    """Pin the scene's files, and how they are read: where it has windows that are done both stay as noted then.

    With ``keep_valid`` a scene that has changed since loses its masks, instead of being refused: it may then be pinned
    by one at a time only. ``inputs`` are what ``inputs_of`` just gave.

    Doing it twice, or at once by several tasks of one scene, changes nothing.

    Raises:
        RasterError: a file is missing or cannot be read.
        ResumeError: the scene has masks, and a file has changed since.
        PipelineError: the output cannot be read or written.
    """
    mine = output.scene(scene.scene_id)
    inputs = inputs_of(scene, reading) if inputs is None else inputs
    names = shown_names(scene.files)
    now = inputs.noted()
    noted = read_note(mine.inputs)
    if noted is not None and all(noted[kind] == now[kind] for kind in now if kind in noted):
        return with_file_names(View.from_values(noted["view"]), {names[file]: file for file in scene.files})
    if noted is not None and ledger.done(mine):
        if not keep_valid:
            raise ResumeError(changed_message(output, scene, noted, now))
        remove_scene(mine)
    view = raster.view_of(scene, reading, etags=inputs.etags)
    view = _dated(view, scene, reading)
    without_secrets = with_file_names(view, names)
    note = {**now, "view": without_secrets.to_values()}
    objects.put_bytes(mine.inputs, json.dumps(note, sort_keys=True, indent=1).encode() + b"\n")
    return view


def _dated(view: View, scene: Scene, reading: Reading) -> View:
    """Return a view with the scene's date: as its list says, else the name of one of its files, else that file."""
    if scene.datetime is not None or reading.datetime_pattern is None:
        return replace(view, datetime=scene.datetime or view.datetime)
    pattern = DatetimePattern(reading.datetime_pattern)
    names = (redacted(file).rstrip("/").rpartition("/")[2] for file in scene.files)
    found = next((date for name in names if (date := pattern.found_in(name)) is not None), None)
    if found is not None:
        return replace(view, datetime=found)
    warning = f"no date as '{pattern.text}' in its name, see datetime_pattern"
    return replace(view, warnings=(*view.warnings, warning))


def _dependencies(scene: Scene, reading: Reading) -> list[str]:
    every = {each for file in scene.files for each in raster.dependencies_of(file, reading)}
    return sorted(every - {*scene.files})


def _infos(files: Sequence[str], storage: Storage) -> dict[str, ObjectInfo]:
    """Return size and etag of the files that are there."""
    infos = raster.read_infos(files, storage)
    return {file: info for file, info in zip(files, infos, strict=True) if info is not None}
