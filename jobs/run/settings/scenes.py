"""Scenes as files and flags name them: paths and searches of STAC APIs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipeline.errors import ConfigError, PipelineError
from pipeline.output import is_scene_id
from pipeline.sources import Search
from pipeline.storage.objects.scene_uris import absolute_uri

TEXT_KEYS = ("collections", "ids", "datetime")  # of a search: 2026-01-31 is a text


@dataclass(frozen=True, slots=True)
class SceneChoice:
    """Some of an output's scenes: ids of scenes, and what scenes are named by elsewhere, which gives ids too."""

    scene_ids: tuple[str, ...]
    specs: tuple[str, ...]

    @classmethod
    def parse(cls, given: object) -> "SceneChoice":
        """Read one text, or several; what has the form of an id is one.

        >>> SceneChoice.parse(["a-0123456789abcdef", "/scenes/b.tif"])
        SceneChoice(scene_ids=('a-0123456789abcdef',), specs=('/scenes/b.tif',))

        Raises ConfigError for anything else.
        """
        texts = [given] if isinstance(given, str) else given
        if not isinstance(texts, list) or not texts or not all(isinstance(one, str) and one for one in texts):
            raise ConfigError(f"scenes must be ids, paths or a list of these, got {given!r}")
        return cls(
            tuple(one for one in texts if is_scene_id(one)),
            tuple(absolute_spec(one) for one in texts if not is_scene_id(one)),
        )

    def write(self) -> list[str]:
        """Return what is read to the same choice."""
        return [*self.scene_ids, *self.specs]


def read_scenes(given: object) -> tuple[str | Search, ...]:
    """Read scenes: one text or several, and searches of STAC APIs; local paths are made absolute.

    >>> read_scenes(["/a.tif", {"stac_api": "https://host/stac", "collections": ["naip"]}])[1].stac_api
    'https://host/stac'
    """
    scenes = given if isinstance(given, list | tuple) else [given]
    if not scenes or not all(
        one.strip() if isinstance(one, str) else isinstance(one, dict) for one in scenes
    ):
        raise ConfigError(f"scenes must be a path, a search or a list of these, got {given!r}")
    return tuple(_search(one) if isinstance(one, dict) else absolute_spec(str(one)) for one in scenes)


def write_scenes(specs: Sequence[str | Search]) -> list[Any]:
    """Return what is read to the same scenes."""
    return [spec if isinstance(spec, str) else {"stac_api": spec.stac_api, **spec.asked} for spec in specs]


def absolute_spec(spec: str) -> str:
    """Return a spec for any process of the cluster; a slash at its end still says that it is a folder.

    What is no name of anything stays as it is: the list says what is wrong with it, when its turn comes.
    """
    try:
        absolute = absolute_uri(spec)
    except PipelineError:
        return spec
    return absolute if absolute.endswith("/") or not spec.endswith("/") else f"{absolute}/"


def _search(given: Mapping[str, Any]) -> Search:
    """Read a search of a STAC API. Raises ConfigError when it names none, or a key that no API knows."""
    if "stac_api" not in given:
        raise ConfigError(f"a search among the scenes has the key stac_api, got {', '.join(map(str, given))}")
    query = {
        key: each.isoformat() if isinstance(each, date) else each  # YAML makes one of 2026-01-31
        for key, each in given.items()
        if key != "stac_api"
    }
    return Search(str(given["stac_api"]), query)
