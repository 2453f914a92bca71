"""Scene lists: from paths, globs, folders and prefixes to scenes, lazily."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pipeline import objects
from pipeline.errors import ConfigError
from pipeline.scene import Scene, scene_of

SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".jp2", ".vrt")
"""What is taken for a raster in a folder, below a prefix and by a glob, in any case of letters."""

_GLOB = re.compile(r"[*?\[]")


def list_scenes(specs: Sequence[str]) -> Iterator[Scene]:
    """Yield the scenes that ``specs`` name, each once, in their order.

    A spec is a file or an object; a glob (``*``, ``?``, ``[...]``, ``**``); or a folder or ``s3://``
    prefix, of which all rasters at any depth are taken, by suffix, sorted, files before folders. A file that
    is named outright is taken whatever its suffix, and even where it is missing: it fails later, alone, with
    its reason.

    Raises:
        ConfigError: a spec yields no scene, when it is reached; or there is no spec.
    """
    if not specs:
        raise ConfigError("no scenes: name at least one file, glob, folder or s3:// prefix")
    seen: set[str] = set()
    for spec in specs:
        found = False
        for uri in _uris(spec):
            found = True
            scene = scene_of(uri)
            if scene.scene_id not in seen:
                seen.add(scene.scene_id)
                yield scene
        if not found:
            raise ConfigError(f"no scene at {spec!r}: expected at least one file of {', '.join(SUFFIXES)}")


def _uris(spec: str) -> Iterator[str]:
    if not spec.strip():
        return
    if objects.is_remote(spec) and _is_raster(spec) and not _GLOB.search(spec):
        yield spec  # without asking the server: a list may name a hundred thousand objects
    elif objects.is_folder(spec):
        yield from filter(_is_raster, objects.walk(spec))
    elif _GLOB.search(spec) and not objects.exists(spec):  # a file's own name may hold a bracket
        yield from filter(_is_raster, objects.glob(spec))
    elif not spec.endswith("/") and (objects.exists(spec) or _is_raster(spec) or not objects.is_remote(spec)):
        yield spec


def _is_raster(uri: str) -> bool:
    return uri.lower().endswith(SUFFIXES)
