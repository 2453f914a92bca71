"""An output, and what it holds of one scene: where each object is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pipeline.errors import ConfigError
from pipeline.output import names
from pipeline.output.entries import Plan, entry_name
from pipeline.setting import Setting
from pipeline.storage import objects
from pipeline.storage.access import FROM_ENVIRONMENT, OUTPUT_STORAGE, Storage
from pipeline.storage.location import Location


@dataclass(frozen=True, slots=True)
class Output:
    """What runs make at a local path or a uri, with the storage that it is in.

    Nothing is asked of the storage for a path to be known, and nothing needs to be there.

    Raises:
        ConfigError: there is no uri.
        PipelineError: it is no uri of a listed scheme.
    """

    uri: Annotated[
        str,
        Setting(help="a folder or an s3:// prefix", key="output", short="-o", metavar="OUT", is_path=True),
    ]
    storage: Annotated[Storage, OUTPUT_STORAGE] = FROM_ENVIRONMENT

    def __post_init__(self) -> None:
        if not self.uri:
            raise ConfigError("output must be a path or a uri, got an empty text")
        objects.check_uri(self.uri)

    def __str__(self) -> str:
        """Return the uri, for a message."""
        return self.uri

    @property
    def location(self) -> Location:
        """Where it is itself."""
        return Location(self.uri, self.storage)

    @property
    def run(self) -> Location:
        """What made it, and how the last runs ended."""
        return self.at(names.RUN)

    @property
    def lease(self) -> Location:
        """Who works on it."""
        return self.at(names.LEASE)

    @property
    def summary(self) -> Location:
        """The table of a row for each class of each scene."""
        return self.at(names.SUMMARY)

    @property
    def items(self) -> Location:
        """The table of a row for each scene: when and where it is, and what is in it, as STAC items."""
        return self.at(names.ITEMS)

    @property
    def failures(self) -> Location:
        """The table of what failed."""
        return self.at(names.FAILURES)

    @property
    def ledger(self) -> Location:
        """The folder that says what is done."""
        return self.at(names.LEDGER)

    @property
    def failure_notes(self) -> Location:
        """The folder that says what failed, of which ``failures`` is made."""
        return self.at(names.FAILURE_NOTES)

    @property
    def statistics(self) -> Location:
        """The folder of at most 256 tables of a row for each window and class, some scenes in each."""
        return self.at(names.STATISTICS)

    @property
    def overviews(self) -> Location:
        """The folder of what each scene's overviews are of."""
        return self.at(names.OVERVIEWS)

    @property
    def inputs(self) -> Location:
        """The folder of what each scene was and how it is read."""
        return self.at(names.INPUTS)

    @property
    def scenes(self) -> Location:
        """The folder of a mask store for each scene: one Zarr hierarchy."""
        return self.at(names.SCENES)

    @property
    def scenes_group(self) -> Location:
        """The metadata of that hierarchy's root."""
        return self.scenes.join(names.GROUP)

    def scene(self, scene_id: str) -> SceneOutput:
        """Return what it holds of a scene."""
        return SceneOutput(self, scene_id)

    def scene_ids(self) -> list[str]:
        """Return the ids of the scenes of which something is done, sorted.

        Raises:
            PipelineError: the storage refused.
        """
        return objects.list_folders(self.ledger)

    def at(self, path: str) -> Location:
        """Return where a path below it is, see ``path_of``."""
        return self.location.join(path)

    def path_of(self, location: Location) -> str:
        """Return the path below it of what is there.

        >>> out = Output("s3://bucket/out/")
        >>> out.path_of(out.scene("a").inputs)
        'inputs/a.json'
        """
        return location.uri.removeprefix(f"{self.uri.rstrip('/')}/")


@dataclass(frozen=True, slots=True)
class SceneOutput:
    """What an output holds of the scene with this id.

    Raises:
        ValueError: the id is no folder's name.
    """

    output: Output
    scene_id: str

    def __post_init__(self) -> None:
        if not self.scene_id or "/" in self.scene_id:
            raise ValueError(f"the id of a scene is a folder's name, got {self.scene_id!r}")

    @property
    def ledger(self) -> Location:
        """The folder that says which of its windows are done."""
        return self.output.ledger.join(self.scene_id)

    def entry(self, row_off: int, col_off: int) -> Location:
        """Return where it is noted that the window at this row and column is done."""
        return self.ledger.join(entry_name(row_off, col_off))

    def plan(self, plan: Plan) -> Location:
        """Return what says by its name how many windows the scene has."""
        return self.ledger.join(plan.name)

    @property
    def failure_notes(self) -> Location:
        """The folder of an object for each of its failures."""
        return self.output.failure_notes.join(self.scene_id)

    def failure_note(self, name: str) -> Location:
        """Return where the failure is noted whose object has this name, see ``notes``."""
        return self.failure_notes.join(name)

    @property
    def inputs(self) -> Location:
        """What its files were, and how it is read."""
        return self.output.inputs.join(f"{self.scene_id}.json")

    @property
    def statistics(self) -> Location:
        """The table that has its rows, one for each window and class, among those of others."""
        return self.output.statistics.join(names.statistics_name(self.scene_id))

    @property
    def overviews(self) -> Location:
        """What its overviews are of; they are in its mask store."""
        return self.output.overviews.join(f"{self.scene_id}.json")

    @property
    def folder(self) -> Location:
        """The folder of its mask store."""
        return self.output.scenes.join(self.scene_id)

    @property
    def masks(self) -> Location:
        """Its mask store, a Zarr hierarchy."""
        return self.folder.join(names.MASKS)


def open(uri: str, *, storage: Storage = FROM_ENVIRONMENT) -> Output:  # noqa: A001 - people write `output.open`
    """Return the output at a local path, a ``file:`` or a uri such as ``s3://bucket/out``, to read what is in it.

    ``storage`` says how it is reached, where the environment does not.

    Raises:
        PipelineError: it is no uri of a listed scheme.
    """
    objects.check_uri(uri)
    return Output(objects.local_path(uri), storage)
