"""Scene lists: from paths, prefixes, lists, STAC documents and searches to scenes, lazily."""

from pipeline.sources.files import SUFFIXES
from pipeline.sources.scene_list import SceneList, list_scenes
from pipeline.sources.scenes_by_id import ScenesById
from pipeline.sources.stac.search import KEYS as SEARCH_KEYS
from pipeline.sources.stac.search import Search

__all__ = ["SEARCH_KEYS", "SUFFIXES", "SceneList", "ScenesById", "Search", "list_scenes"]
