"""A scene list: what names scenes, and the scenes it names, lazily."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline import objects
from pipeline.errors import ConfigError, PipelineError
from pipeline.scene import DIGEST_CHARS, Refusal, Scene, absolute_uri, scene_of
from pipeline.sources import files
from pipeline.sources.files import SUFFIXES
from pipeline.sources.search import Search, search_scenes
from pipeline.sources.stac import is_document, stac_scenes
from pipeline.sources.tables import csv_scenes, parquet_scenes, text_scenes

_TEXT, _CSV, _PARQUET, _STAC = (".txt",), (".csv",), (".parquet", ".geoparquet"), (".json", ".geojson")
_LISTS = (*_TEXT, *_CSV, *_PARQUET, *_STAC)


@dataclass(frozen=True, slots=True)
class SceneList:
    """What to run over; iterating lists the scenes, anew each time, also in another process.

    A spec is what ``files.uris`` takes; a list (``.txt``, ``.csv``, ``.parquet``, ``.geoparquet``); a STAC document
    (``.json``, ``.geojson``, or a web address that answers with JSON); or a search of a STAC API. ``suffixes`` are
    what is taken for a raster in a folder or below a prefix, ``assets`` the keys or roles of STAC's assets.

    Raises:
        ConfigError: there is no spec, or a suffix without its dot.
    """

    specs: tuple[str | Search, ...]
    suffixes: tuple[str, ...] = SUFFIXES
    assets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.specs:
            raise ConfigError(
                "no scenes: name at least one file, glob, folder, prefix, list or STAC document"
            )
        if not self.suffixes or not all(each.startswith(".") for each in self.suffixes):
            raise ConfigError(
                f"suffixes begin with a dot, such as .tif, got {', '.join(self.suffixes) or 'none'}"
            )

    def __iter__(self) -> Iterator[Scene | Refusal]:
        """Yield the scenes in the order of the specs, each once, and what gives no scene with its reason."""
        seen: set[int] = set()
        for spec in self.specs:
            for entry in self._reported(spec):
                if isinstance(entry, Scene):
                    key = int(entry.scene_id[-DIGEST_CHARS:], 16)
                    if key in seen:
                        continue
                    seen.add(key)
                yield entry

    def check(self) -> None:
        """Look whether each spec names anything at all, by its first entry.

        Raises:
            ConfigError: one names nothing, or cannot be read.
        """
        for spec in self.specs:
            try:
                found = next(self._entries(spec), None)
            except PipelineError as error:
                raise ConfigError(str(error)) from error
            if found is None:
                raise ConfigError(_nothing_at(spec, self.suffixes))

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
            yield from search_scenes(spec, assets=self.assets)
        elif files.has_suffix(spec, _LISTS) and (objects.is_web(spec) or not objects.is_folder(spec)):
            yield from self._listed(spec)
        elif objects.is_web(spec) and not files.has_suffix(spec, self.suffixes) and is_document(spec):
            yield from stac_scenes(spec, assets=self.assets)
        else:
            yield from map(scene_of, files.uris(spec, suffixes=self.suffixes))

    def _listed(self, spec: str) -> Iterator[Scene | Refusal]:
        uri = absolute_uri(spec)
        if files.has_suffix(spec, _TEXT):
            yield from text_scenes(uri)
        elif files.has_suffix(spec, _CSV):
            yield from csv_scenes(uri)
        elif files.has_suffix(spec, _PARQUET):
            yield from parquet_scenes(uri, assets=self.assets)
        else:
            yield from stac_scenes(uri, assets=self.assets)


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
