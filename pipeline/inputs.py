"""What a scene's files were when its masks were made, and how they are read: one small object a scene.

It is OUT/inputs/SCENE_ID.json. Who reads a scene notes it, so that nobody has to ask for the files of a million scenes
before the first. The same files are always read in the same way, so it does not matter which of several tasks writes
it. It is kept all the same: a later run, with another version of GDAL, must go on with the very numbers of the first.

``files`` are those that the scene is named by, ``beside`` are all others that it depends on: masks, overviews and texts
beside them, and the tiles of virtual rasters. Outputs of earlier versions note none beside, and keep to that.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pipeline import ledger, objects, raster
from pipeline.config import Reading
from pipeline.documents import json_of
from pipeline.errors import PipelineError, RasterError, ResumeError
from pipeline.geometry.scene import Band, Scene
from pipeline.location import Location
from pipeline.objects import ObjectInfo
from pipeline.output import Output, SceneOutput, is_made
from pipeline.redact import redacted
from pipeline.storage import Storage
from pipeline.view import View

_SAID = 5  # of what differs


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files that a scene is named by, and all others that it depends on, as they are: by uri."""

    files: Mapping[str, ObjectInfo]
    beside: Mapping[str, ObjectInfo]

    @property
    def etags(self) -> dict[str, str]:
        """The etag of each file."""
        return {uri: info.etag for files in (self.files, self.beside) for uri, info in files.items()}

    def noted(self) -> dict[str, list[dict[str, Any]]]:
        """Return what of it is noted."""
        kinds = {"files": self.files, "beside": self.beside}
        names = {kind: _shown([*files]) for kind, files in kinds.items()}
        return {
            kind: [{"uri": names[kind][uri], **info._asdict()} for uri, info in files.items()]
            for kind, files in kinds.items()
        }


def found(scene: Scene, reading: Reading) -> Inputs:
    """Look at a scene's files, and at all others that it depends on.

    Raises:
        RasterError: a file is missing, or is a virtual raster that is refused.
        PipelineError: the storage refused.
    """
    files = {file: raster.read_input(file, reading) for file in scene.files}
    return Inputs(files, _infos(_beside(scene, reading), reading.storage))


def check_unchanged(inputs: Inputs, reading: Reading) -> None:
    """Refuse what was made of a scene whose files have changed since.

    A window that is done before stays as it is: it is of the file that is noted, and a later run refuses the scene
    as long as it has such windows, or does all of it anew.

    Raises:
        RasterError: a file has changed, is gone, or is new.
        PipelineError: the storage refused.
    """
    files = {file: raster.read_input(file, reading) for file in inputs.files}
    beside = raster.new_beside([*files, *inputs.beside], reading.storage)
    now = Inputs(files, _infos(sorted({*inputs.beside, *beside} - {*files}), reading.storage))
    if now != inputs:
        raise RasterError(
            f"{' and '.join(files)} changed while it was read: {_differences(inputs.noted(), now.noted())}. Give the "
            "command again when nobody writes there; with --keep-valid where windows of it were done before"
        )


def claim(
    output: Output,
    scene: Scene,
    reading: Reading,
    *,
    keep_valid: bool = False,
    inputs: Inputs | None = None,
) -> View:
    """Note the scene's files, and how they are read; where it has windows that are done both stay as noted then.

    With ``keep_valid`` a scene that has changed since loses its masks, instead of being refused: it may then be claimed
    by one at a time only. ``inputs`` are what ``found`` just gave.

    Doing it twice, or at once by several that share a scene, changes nothing.

    Raises:
        RasterError: a file is missing or cannot be read.
        ResumeError: the scene has masks, and a file has changed since.
        PipelineError: the output cannot be read or written.
    """
    mine = output.scene(scene.scene_id)
    inputs = found(scene, reading) if inputs is None else inputs
    names = _shown(scene.files)
    now = inputs.noted()
    noted = _noted(mine.inputs)
    if noted is not None and all(noted[kind] == now[kind] for kind in now if kind in noted):
        return _named(View.from_values(noted["view"]), {names[file]: file for file in scene.files})
    if noted is not None and ledger.done(mine):
        if not keep_valid:
            raise ResumeError(_changed(output, scene, noted, now))
        remove_scene(mine)
    view = raster.look(scene, reading, etags=inputs.etags)
    view = replace(view, datetime=scene.datetime or view.datetime)
    without_secrets = _named(view, names)
    note = {**now, "view": without_secrets.to_values()}
    objects.put_bytes(mine.inputs, json.dumps(note, sort_keys=True, indent=1).encode() + b"\n")
    return view


def _beside(scene: Scene, reading: Reading) -> list[str]:
    every = {beside for file in scene.files for beside in raster.beside(file, reading)}
    return sorted(every - {*scene.files})


def _infos(files: Sequence[str], storage: Storage) -> dict[str, ObjectInfo]:
    """Return size and etag of the files that are there."""
    infos = raster.read_beside(files, storage)
    return {file: info for file, info in zip(files, infos, strict=True) if info is not None}


def remove_scene(scene: SceneOutput) -> None:
    """Remove all that runs made of a scene, and first what says that something of it is done.

    Raises:
        PipelineError: the storage refused.
    """
    output, made = scene.output, partial(is_made, scene_id=scene.scene_id)
    _remove_folder(output, scene.ledger, made)
    _remove_folder(output, scene.failure_notes, made)
    objects.remove(scene.statistics, below=output.location)
    _remove_folder(output, scene.folder, made)
    objects.remove(scene.inputs, below=output.location)


def _remove_folder(output: Output, folder: Location, made: Callable[[str], bool]) -> None:
    """Remove what is made in a folder; what is not ours stays."""
    deque(objects.remove_made(output.location, output.path_of(folder), made), maxlen=0)


def _shown(files: Sequence[str]) -> dict[str, str]:
    """Return for each file a name of its own without credentials."""
    names: dict[str, str] = {}
    alike: Counter[str] = Counter()
    for file in files:
        name = redacted(file)
        alike[name] += 1
        names[file] = name if alike[name] == 1 else f"{name} ({alike[name]})"
    return names


def _changed(output: Output, scene: Scene, was: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Say which files have changed, and in what."""
    return (
        f"{output} holds masks of {', '.join(scene.files)} as it was before it changed: {_differences(was, now)}. "
        "Give another output, or the file as it was, or --keep-valid to have only what has changed done anew"
    )


def _differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Say in what two notes differ, where both say something of it."""
    before, after = (
        {file["uri"]: file for kind in ("files", "beside") if kind in was for file in each[kind]}
        for each in (was, now)
    )
    said = [f"{uri} is gone" for uri in before if uri not in after]
    said += [f"{uri} is new" for uri in after if uri not in before]
    said += [
        f"{key} of {uri} was {before[uri].get(key)}, is {value}"
        for uri in before.keys() & after.keys()
        for key, value in after[uri].items()
        if before[uri].get(key) != value
    ]
    return "; ".join([*said[:_SAID], *([f"and {len(said) - _SAID} more"] if said[_SAID:] else [])])


def _noted(location: Location) -> dict[str, Any] | None:
    try:
        noted: dict[str, Any] = json_of(objects.get_document(location))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise PipelineError(
            f"{location} is damaged ({error}): have `mrovseg verify --forget` remove it and what depends on it"
        ) from error
    for each in (*noted["files"], *noted.get("beside", []), *noted["view"]["bands"]):
        each["uri"] = redacted(each["uri"])  # what an earlier version showed
    return noted


def _named(view: View, names: Mapping[str, str]) -> View:
    """Return a view whose bands' files have other names."""
    return replace(view, bands=tuple(Band(names[band.uri], band.number) for band in view.bands))
