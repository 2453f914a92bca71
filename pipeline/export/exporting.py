"""One scene after the other into a folder, each noted when it is made, so that doing it again does only what is left.

FOLDER/records/FORMAT/SCENE_ID.json says what was made of a scene and of which state of the output: files that are of
that state are not made again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol, runtime_checkable

from pipeline.errors import ConfigError, PipelineError
from pipeline.export.scenes import ExportScene, Selection, open_scene
from pipeline.output import Output
from pipeline.redact import redacted
from pipeline.storage import objects
from pipeline.storage.documents import json_of
from pipeline.storage.location import Location

RECORDS, SOURCE = "records", "source.json"
"""The folder, below that of an export, of what is noted, and in it which output it is made of."""


@runtime_checkable
class Exporter(Protocol):
    """A format: a frozen dataclass of its options, which are plain values."""

    @property
    def format(self) -> str:
        """The name of the format, as `--to` has it."""

    def files(self, scene: ExportScene) -> tuple[str, ...]:
        """Return the names, below the folder, of what ``export`` makes of a scene."""

    def export(self, scene: ExportScene, folder: Location) -> Mapping[str, Any]:
        """Make the files of a scene, each through ``staged``, and return what ``finish`` has to know of it, as JSON.

        The same scene gives the same bytes.

        Raises:
            PipelineError: it cannot be read, or not be written as this format.
        """

    def finish(self, exported: Sequence[Exported], folder: Location) -> tuple[str, ...]:
        """Make what is of all scenes, which come by scene id, and return the names of the files.

        Doing it twice changes nothing.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was made of a scene.

    ``windows_missing`` of its windows were not done, None where nobody knows how many; ``facts`` are what the format's
    ``export`` returned. ``source`` is the ``source_digest`` of the scene, and ``options`` are the exporter's and the
    selection's.
    """

    scene_id: str
    source: str
    options: Mapping[str, Any]
    files: Mapping[str, int]
    windows_done: int
    windows_missing: int | None
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NotExported:
    """A scene of which nothing was made, and why."""

    scene_id: str
    reason: str


def begin(folder: Location, output: Output) -> None:
    """Note in a folder that it holds exports of ``output``. Doing it twice changes nothing.

    Raises:
        ConfigError: it holds what no export made, or exports of another output, or is a part of ``output``.
        PipelineError: the storage refused.
    """
    if f"{folder.uri.rstrip('/')}/".startswith(f"{output.uri.rstrip('/')}/"):
        raise ConfigError(f"{folder} is inside of {output}, where only runs write: give another folder")
    _sweep(folder)
    noted, wanted = folder.join(RECORDS, SOURCE), {"output": redacted(output.uri)}
    try:
        found = json_of(objects.get_document(noted))
    except FileNotFoundError:
        there = next((name for name in _entries(folder) if not name.startswith(".")), None)
        if there is not None:
            raise ConfigError(
                f"{folder} holds {there}, which no export made: give a new folder, or that of an earlier export"
            ) from None
        objects.put_bytes(noted, (json.dumps(wanted, indent=1) + "\n").encode())
        return
    except ValueError as error:
        raise ConfigError(f"{noted} is damaged ({error}): remove it, or give another folder") from error
    if found != wanted:
        raise ConfigError(
            f"{folder} holds exports of {found.get('output')}, not of {output}: give another folder"
        )


def export_scene(
    scene_id: str, *, output: Output, selection: Selection, exporter: Exporter, folder: Location
) -> Exported | NotExported:
    """Make the files of a scene where they are not made yet of what the output holds.

    Raises:
        ConfigError: a chosen class is none of the output's.
        OutputError: the folder cannot be written.
    """
    try:
        scene = open_scene(output.scene(scene_id), selection)
        return _exported(scene, exporter, folder)
    except PipelineError as error:
        if isinstance(error, ConfigError):
            raise
        return NotExported(scene_id, str(error))


def finish(exporter: Exporter, exported: Sequence[Exported], folder: Location) -> tuple[str, ...]:
    """Make what a format has of all scenes together, and return the names of the files.

    These are the ``exported`` ones, of which there is one at least, and those that earlier exports by the same options
    have made in the folder.

    Raises:
        PipelineError: the storage refused.
    """
    every = [*exported, *_exported_before(exporter.format, exported, folder)]
    return exporter.finish(sorted(every, key=lambda each: each.scene_id), folder)


def _exported(scene: ExportScene, exporter: Exporter, folder: Location) -> Exported:
    record = folder.join(RECORDS, exporter.format, f"{scene.scene_id}.json")
    wanted = Exported(
        scene_id=scene.scene_id,
        source=scene.source_digest,
        options={"exporter": asdict(exporter), "selection": asdict(scene.selection)},  # type: ignore[call-overload]
        files={},
        windows_done=len(scene.done),
        windows_missing=scene.windows_missing,
        facts={},
    )
    found = find_current(record, folder, like=wanted)
    if found is not None:
        return found
    facts = exporter.export(scene, folder)
    return note(record, folder, replace(wanted, facts=facts), files=exporter.files(scene))


def find_current(record: Location, folder: Location, *, like: Exported) -> Exported | None:
    """Return what a record says where that was made of the same source by the same options, and is whole; else None."""
    found = noted(record)
    if found is None:
        return None
    if (found.scene_id, found.source, found.options) != (like.scene_id, like.source, _as_json(like.options)):
        return None
    try:
        sizes = {name: objects.info(folder.join(name)).size_bytes for name in found.files}
    except FileNotFoundError:
        return None
    return found if sizes == found.files else None


def note(record: Location, folder: Location, made: Exported, *, files: Sequence[str]) -> Exported:
    """Note what was made, with the sizes of its ``files``, and return that.

    Raises:
        PipelineError: the storage refused.
    """
    made = replace(made, files={name: objects.info(folder.join(name)).size_bytes for name in files})
    objects.put_bytes(record, (json.dumps(asdict(made), sort_keys=True, indent=1) + "\n").encode())
    return made


def noted(record: Location) -> Exported | None:
    """Return what is noted; None where nothing is, or it is damaged."""
    try:
        return Exported(**json_of(objects.get_document(record)))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _sweep(folder: Location) -> None:
    """Remove what killed writers of small objects left half-written; that of large files ``staged`` removes."""
    records = folder.join(RECORDS)
    for top in (folder, records):
        objects.sweep(top, below=folder)
        for name in objects.list_folders(top):
            objects.sweep(top.join(name), below=folder)


def _entries(folder: Location) -> Iterator[str]:
    yield from objects.list_names(folder)
    yield from objects.list_folders(folder)


def _exported_before(format_name: str, exported: Sequence[Exported], folder: Location) -> Iterator[Exported]:
    now = {f"{each.scene_id}.json" for each in exported}
    options = _as_json(exported[0].options)
    records = folder.join(RECORDS, format_name)
    for name in objects.list_names(records):
        found = None if name in now else noted(records.join(name))
        if found is not None and found.options == options:
            yield found


def _as_json(options: Mapping[str, Any]) -> Any:  # noqa: ANN401 - what JSON holds
    """Return options as a record has them: tuples are lists there."""
    return json.loads(json.dumps(options))
