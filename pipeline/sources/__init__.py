"""Scene lists: from paths, prefixes, lists, STAC documents and searches to scenes, lazily."""

from pipeline.sources.files import SUFFIXES
from pipeline.sources.listing import SceneList, list_scenes
from pipeline.sources.only import Only
from pipeline.sources.search import KEYS as SEARCH_KEYS
from pipeline.sources.search import Search

__all__ = ["SEARCH_KEYS", "SUFFIXES", "Only", "SceneList", "Search", "list_scenes"]
