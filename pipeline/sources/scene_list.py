"""A scene list: what names scenes, and the scenes it names, lazily."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from pipeline.errors import ConfigError, PipelineError
from pipeline.geometry.scene import Scene
from pipeline.output import MASKS, is_mask_store
from pipeline.setting import Setting
from pipeline.sources import files
from pipeline.sources.files import SUFFIXES
from pipeline.sources.naming import DIGEST_CHARS, Refusal, scene_of
from pipeline.sources.parquet import parquet_scenes, parts_scenes
from pipeline.sources.spec_kinds import Kind, kind_of
from pipeline.sources.stac.documents import stac_scenes
from pipeline.sources.stac.link_policy import LinkPolicy
from pipeline.sources.stac.search import Search, search_scenes
from pipeline.sources.tables import csv_scenes, text_scenes
from pipeline.storage import objects
from pipeline.storage.access import FROM_ENVIRONMENT, SOURCE_STORAGE, Storage
from pipeline.storage.location import Location
from pipeline.storage.objects.scene_uris import absolute_uri, file_of, is_zarr


@dataclass(frozen=True, slots=True)
class SceneList:
    """What to run over; iterating lists the scenes, anew each time, also in another process.

    A spec is what ``files.uris`` takes; a list (``.txt``, ``.csv``, ``.parquet``, ``.geoparquet``); a STAC document
    (``.json``, ``.geojson``, or a web address that answers with JSON); or a search of a STAC API. ``suffixes`` are
    what is taken for a raster in a folder or below a prefix, ``assets`` the keys or roles of STAC's assets, and
    ``link_hosts`` where links of STAC documents may lead beside their own scheme and host. ``storage`` is how lists,
    documents and folders are reached; who reads the scenes says so again, in a ``Reading``.

    Raises:
        ConfigError: there is no spec, a suffix without its dot, or a host without its scheme.
    """

    specs: Annotated[
        tuple[str | Search, ...],
        Setting(
            help="paths, globs, folders, s3:// prefixes, lists, STAC",
            key="scenes",
            metavar="SCENES",
            is_path=True,
        ),
    ]
    suffixes: Annotated[
        tuple[str, ...], Setting(help="what is a raster in a folder or below a prefix", metavar=".A,.B")
    ] = SUFFIXES
    assets: Annotated[
        tuple[str, ...],
        Setting(
            help="STAC assets by key or role: visual, or red,green,blue",
            metavar="KEYS",
            unset="by their roles",
        ),
    ] = ()
    link_hosts: Annotated[
        tuple[str, ...],
        Setting(
            help="where links of STAC documents may lead beside their own host",
            metavar="URLS",
            unset="nowhere else",
        ),
    ] = ()
    storage: Annotated[Storage, SOURCE_STORAGE] = FROM_ENVIRONMENT

    def __post_init__(self) -> None:
        if not self.specs:
            raise ConfigError(
                "no scenes: name at least one file, glob, folder, prefix, list or STAC document"
            )
        LinkPolicy(self.link_hosts)
        if not self.suffixes or not all(each.startswith(".") for each in self.suffixes):
            raise ConfigError(
                f"suffixes begin with a dot, such as .tif, got {', '.join(self.suffixes) or 'none'}"
            )

    def __iter__(self) -> Iterator[Scene | Refusal]:
        """Yield the scenes in the order of the specs, each once, and what gives no scene with its reason."""
        seen: set[int] = set()
        for spec in self.specs:
            for entry in map(self._no_masks, self._reported(spec)):
                if isinstance(entry, Scene):
                    key = int(entry.scene_id[-DIGEST_CHARS:], 16)
                    if key in seen:
                        continue
                    seen.add(key)
                yield entry

    def check(self) -> None:
        """Check that each spec names anything at all, by its first entry.

        Raises:
            ConfigError: one names nothing, or cannot be read.
        """
        for spec in self.specs:
            try:
                found = next(map(self._no_masks, self._entries(spec)), None)
            except PipelineError as error:
                raise ConfigError(str(error)) from error
            if found is None:
                raise ConfigError(_nothing_at(spec, self.suffixes))
            if isinstance(found, Refusal) and isinstance(spec, str) and is_zarr(spec):
                raise ConfigError(found.reason)

    def _reported(self, spec: str | Search) -> Iterator[Scene | Refusal]:
        found = False
        try:
            for entry in self._entries(spec):
                found = True
                yield entry
        except PipelineError as error:
            yield Refusal(str(spec), str(error))
        else:
            if not found:
                yield Refusal(str(spec), _nothing_at(spec, self.suffixes))

    def _entries(self, spec: str | Search) -> Iterator[Scene | Refusal]:
        """Yield what one spec names; raises PipelineError where it cannot be read itself."""
        if isinstance(spec, Search):
            yield from search_scenes(spec, assets=self.assets, links=self._links)
        elif not objects.is_text(spec):
            yield Refusal(spec, f"{spec} is no name in UTF-8: rename it")
        else:
            objects.check_uri(file_of(spec))
            yield from self._listed(spec, kind_of(self._at(spec), rasters=self.suffixes))

    def _listed(self, spec: str, kind: Kind) -> Iterator[Scene | Refusal]:
        if kind is Kind.RASTERS:
            return map(_scene, files.uris(self._at(spec), suffixes=self.suffixes))
        found = self._at(absolute_uri(spec))
        if kind is Kind.TEXT:
            return text_scenes(found)
        if kind is Kind.CSV:
            return csv_scenes(found)
        if kind is Kind.PARQUET:
            return parquet_scenes(found, assets=self.assets)
        if kind is Kind.PARTS:
            return parts_scenes(found, assets=self.assets)
        return stac_scenes(found, assets=self.assets, links=self._links)

    @property
    def _links(self) -> LinkPolicy:
        return LinkPolicy(self.link_hosts)

    def _at(self, uri: str) -> Location:
        return Location(uri, self.storage)

    def _no_masks(self, entry: Scene | Refusal) -> Scene | Refusal:
        """Return an entry, but a refusal of the masks of a run: what is remote is judged by its name alone first."""
        if isinstance(entry, Refusal):
            return entry
        for uri in entry.files:
            if is_zarr(uri) and (MASKS in uri or not objects.is_remote(uri)) and _is_masks(self._at(uri)):
                return Refusal(
                    uri, f"{uri} is of the masks that mrovseg wrote, and no scene: name the scene itself"
                )
        return entry


def _is_masks(location: Location) -> bool:
    try:
        return is_mask_store(location)
    except PipelineError:
        return False  # who reads it says why it cannot be


def _scene(found: str | Refusal) -> Scene | Refusal:
    """Return the scene of a uri that was found, or what is wrong with its name."""
    if isinstance(found, Refusal):
        return found
    try:
        return scene_of(found)
    except PipelineError as error:
        return Refusal(found, str(error))


def list_scenes(specs: Sequence[str | Search]) -> Iterator[Scene]:
    """Yield the scenes that ``specs`` name, each once, in their order, for who needs them all.

    Raises:
        ConfigError: there is no spec, or something that one names gives no scene, when it is reached.
    """
    for entry in SceneList(tuple(specs)):
        if isinstance(entry, Refusal):
            raise ConfigError(entry.reason)
        yield entry


def _nothing_at(spec: str | Search, suffixes: tuple[str, ...]) -> str:
    return (
        f"no scene at '{spec}': expected at least one file of {', '.join(suffixes)}, or a list that names one"
    )
