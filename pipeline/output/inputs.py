"""What a scene's files were when its masks were made, and how they are read: one small object a scene.

It is OUT/inputs/SCENE_ID.json. Who reads a scene notes it, so that nobody has to ask for the files of a million scenes
before the first. The same files are always read in the same way, so it does not matter which of several tasks writes
it. It is kept all the same: a later run, with another version of GDAL, must go on with the very numbers of the first.

``files`` are those that the scene is named by, ``beside`` are all others that it depends on: masks, overviews and texts
beside them, and the tiles of virtual rasters. Outputs of earlier versions note none beside, and keep to that.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pipeline.errors import PipelineError
from pipeline.geometry.scene import Band, Scene
from pipeline.geometry.view import View
from pipeline.output import Output, SceneOutput, is_made
from pipeline.redact import redacted
from pipeline.storage import objects
from pipeline.storage.documents import json_of
from pipeline.storage.location import Location
from pipeline.storage.objects import ObjectInfo

_DIFFERENCES_SHOWN = 5  # of what differs


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files that a scene is named by, and all others that it depends on, as they are: by uri."""

    files: Mapping[str, ObjectInfo]
    dependencies: Mapping[str, ObjectInfo]

    @property
    def etags(self) -> dict[str, str]:
        """The etag of each file."""
        return {uri: info.etag for files in (self.files, self.dependencies) for uri, info in files.items()}

    def noted(self) -> dict[str, list[dict[str, Any]]]:
        """Return what of it is noted."""
        kinds = {"files": self.files, "beside": self.dependencies}
        names = {kind: shown_names([*files]) for kind, files in kinds.items()}
        return {
            kind: [{"uri": names[kind][uri], **info._asdict()} for uri, info in files.items()]
            for kind, files in kinds.items()
        }


def remove_scene(scene: SceneOutput) -> None:
    """Remove all that runs made of a scene, and first what says that something of it is done.

    Its rows in the tables stay until the next run writes these, as those of others are beside them.

    Raises:
        PipelineError: the storage refused.
    """
    output, made = scene.output, partial(is_made, scene_id=scene.scene_id)
    _remove_folder(output, scene.ledger, made)
    _remove_folder(output, scene.failure_notes, made)
    objects.remove(scene.overviews, below=output.location)
    _remove_folder(output, scene.folder, made)
    objects.remove(scene.inputs, below=output.location)


def _remove_folder(output: Output, folder: Location, made: Callable[[str], bool]) -> None:
    """Remove what is made in a folder; what is not ours stays."""
    deque(objects.remove_made(output.location, output.path_of(folder), made), maxlen=0)


def shown_names(files: Sequence[str]) -> dict[str, str]:
    """Return for each file a name of its own without credentials."""
    names: dict[str, str] = {}
    alike: Counter[str] = Counter()
    for file in files:
        name = redacted(file)
        alike[name] += 1
        names[file] = name if alike[name] == 1 else f"{name} ({alike[name]})"
    return names


def changed_message(output: Output, scene: Scene, was: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Say which files have changed, and in what."""
    return (
        f"{output} holds masks of {', '.join(scene.files)} as it was before it changed: {differences(was, now)}. "
        "Give another output, or the file as it was, or --keep-valid to have only what has changed done anew"
    )


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> str:
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
    return "; ".join(
        [
            *said[:_DIFFERENCES_SHOWN],
            *([f"and {len(said) - _DIFFERENCES_SHOWN} more"] if said[_DIFFERENCES_SHOWN:] else []),
        ]
    )


def read_note(location: Location) -> dict[str, Any] | None:
    """Return what is noted of a scene at ``location``; None where nothing is.

    Raises:
        PipelineError: the note is damaged, or the storage refused.
    """
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


def with_file_names(view: View, names: Mapping[str, str]) -> View:
    """Return a view whose bands' files have other names."""
    return replace(view, bands=tuple(Band(names[band.uri], band.number) for band in view.bands))
