"""Rasters by path, glob, folder and prefix, lazily."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from pipeline.errors import PipelineError
from pipeline.output import MASKS, is_mask_store
from pipeline.sources.naming import Refusal
from pipeline.storage import objects
from pipeline.storage.location import Location
from pipeline.storage.objects.scene_uris import FOLDERS, is_zarr, page_of

SUFFIXES = (
    *(".tif", ".tiff", ".png", ".jpg", ".jpeg", ".jp2", ".vrt", ".zarr"),
    # Slides of one file that says all; see pipeline/README.md.
    *(".svs", ".ndpi", ".mrxs", ".scn", ".bif", ".svslide"),
)
"""What is taken for a raster in a folder, below a prefix and by a glob, in any case of letters."""

_GLOB = re.compile(r"[*?\[]")


def uris(location: Location, *, suffixes: tuple[str, ...]) -> Iterator[str | Refusal]:
    """Yield the rasters that a spec names, and what of a folder cannot be listed.

    It is a file or an object; a Zarr hierarchy; a glob (``*``, ``?``, ``[...]``, ``**``); or a folder or prefix, of
    which all rasters at any depth are taken, by suffix, sorted, files before folders; masks of runs are none. A
    file that is named outright is taken whatever its suffix, and even where it is missing: it fails later, alone,
    with its reason.

    Raises:
        PipelineError: the storage refused.
    """
    spec = location.uri
    if not spec.strip():
        return
    if is_zarr(spec) and not _GLOB.search(spec):
        yield spec.rstrip("/")
    elif page_of(spec) is not None:
        yield spec
    elif objects.is_web(spec) or (
        objects.is_remote(spec) and has_suffix(spec, suffixes) and not _GLOB.search(spec)
    ):
        yield spec  # without asking the server: a list may name a hundred thousand objects
    elif objects.is_folder(location):
        yield from _below(objects.walk, location, suffixes)
    elif _GLOB.search(spec) and not objects.exists(location):  # a file's own name may hold a bracket
        yield from _below(objects.glob, location, suffixes)
    elif not spec.endswith("/") and _is_file(location, suffixes):
        yield spec


def _below(
    listed: Callable[..., Iterator[Location]], location: Location, suffixes: tuple[str, ...]
) -> Iterator[str | Refusal]:
    """Yield the rasters that are found by a listing, which the masks of runs are not."""
    refusals: list[Refusal] = []

    def refused(path: str, error: PipelineError) -> None:
        refusals.append(Refusal(path, str(error)))

    for found in listed(location, whole=FOLDERS, refused=refused):
        yield from refusals
        refusals.clear()
        if has_suffix(found.uri, suffixes) and not _is_masks(found):
            yield found.uri
    yield from refusals


def _is_masks(location: Location) -> bool:
    return location.uri.endswith(f"/{MASKS}") and is_mask_store(location)


def has_suffix(uri: str, suffixes: tuple[str, ...]) -> bool:
    """Tell whether the name at ``uri`` ends with one of ``suffixes``, in any case of letters."""
    name = urlsplit(uri).path if objects.is_web(uri) else uri
    return name.lower().endswith(suffixes)


def _is_file(location: Location, suffixes: tuple[str, ...]) -> bool:
    uri = location.uri
    return not objects.is_remote(uri) or has_suffix(uri, suffixes) or objects.exists(location)
