"""Scenes of STAC documents, 0.8 to 1.1: an Item, an ItemCollection, and whatever a Catalog or Collection links to.

A document is read when its turn comes and forgotten after it. What a linked document lacks is a refusal of its
own and leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipeline.errors import PipelineError
from pipeline.geometry.scene import Scene
from pipeline.sources.naming import Refusal
from pipeline.sources.stac.assets import has_data, scene_of_item
from pipeline.sources.stac.link_policy import LinkPolicy
from pipeline.storage import objects
from pipeline.storage.documents import json_of
from pipeline.storage.location import Location

DOCUMENT_BYTES = 256 * 2**20
"""The most that a document may have: ten thousand items of a satellite are half of it."""

MOST_DEPTH = 64
"""How many links down from the root a document may be: archives are ten deep."""

_DOWN = ("child", "item", "items")


def stac_scenes(
    location: Location, *, assets: tuple[str, ...], links: LinkPolicy
) -> Iterator[Scene | Refusal]:
    """Yield the scenes of a document and of those that it links to, each document once.

    Raises:
        PipelineError: the document itself cannot be read or is no STAC.
    """
    uri, document = location.uri, read_document(location)
    yield from _document_scenes(uri, document, assets)
    seen, ahead = {hash(uri)}, _links(document, uri, 0)  # of an archive's documents 64 bits each are kept
    while ahead:
        origin, href, depth = ahead.pop()
        try:
            target = objects.resolve(href, origin=origin)
            if hash(target) in seen:
                continue
            seen.add(hash(target))
            links.check(origin, target)
            document = _linked(location.at(target), links, depth)
        except PipelineError as error:
            yield Refusal(href, f"{origin} links to what cannot be had: {error}")
            continue
        yield from _document_scenes(target, document, assets)
        ahead += _links(document, target, depth)


def _linked(location: Location, links: LinkPolicy, depth: int) -> dict[str, Any]:
    if depth > MOST_DEPTH:
        raise PipelineError(f"{location} is more than {MOST_DEPTH} links below where they began")
    return read_document(location, follow=links.check)


def read_document(location: Location, *, follow: objects.Follow | None = None) -> dict[str, Any]:
    """Read a STAC document, of the web by redirects that ``follow`` allows (None: any).

    Raises:
        PipelineError: it is missing, cannot be reached, is too large, or is no STAC.
    """
    allowed = {} if follow is None else {"follow": follow}
    try:
        document = json_of(objects.get_document(location, limit_bytes=DOCUMENT_BYTES, **allowed))
    except (FileNotFoundError, IsADirectoryError):
        raise PipelineError(f"the STAC document {location} does not exist") from None
    except ValueError as error:
        raise PipelineError(f"{location} is no STAC document, it is no JSON: {error}") from error
    if not isinstance(document, dict) or kind_of(document) is None:
        raise PipelineError(
            f"{location} is no STAC document: expected an Item, an ItemCollection, a Collection or a Catalog"
        )
    return document


def kind_of(document: Mapping[str, Any]) -> str | None:
    """Return what a document is: Feature, FeatureCollection, Collection, Catalog, or None of them."""
    kind = document.get("type")
    if kind == "Feature" and isinstance(document.get("assets"), dict):
        return "Feature"
    if kind == "FeatureCollection" and isinstance(document.get("features"), list):
        return "FeatureCollection"
    if isinstance(document.get("links"), list) and "id" in document and "stac_version" in document:
        return "Collection" if "extent" in document else "Catalog"  # before 1.0 they state no type
    return None


def features_of(
    page: Mapping[str, Any],
    uri: str,
    assets: tuple[str, ...],
    *,
    origin_of: Callable[[Mapping[str, Any], str], str] = lambda _, uri: uri,
) -> Iterator[Scene | Refusal]:
    """Yield the scenes of the items on a page found at ``uri``; assets are relative to the uri by ``origin_of``."""
    for number, item in enumerate(page["features"], start=1):
        if isinstance(item, dict) and kind_of(item) == "Feature":
            yield scene_of_item(item, origin=origin_of(item, uri), wanted=assets)
        else:
            yield Refusal(uri, f"feature {number} in {uri} is no STAC item: it needs an id and assets")


def links_of(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the links of a document that have a reference."""
    links = document.get("links")
    return [
        link
        for link in (links if isinstance(links, list) else [])
        if isinstance(link, dict) and isinstance(link.get("href"), str)
    ]


def _document_scenes(
    uri: str, document: Mapping[str, Any], assets: tuple[str, ...]
) -> Iterator[Scene | Refusal]:
    kind = kind_of(document)
    if kind == "Feature" or (kind == "Collection" and has_data(document)):
        yield scene_of_item(document, origin=uri, wanted=assets)
    elif kind == "FeatureCollection":
        yield from features_of(document, uri, assets)


def _links(document: Mapping[str, Any], uri: str, depth: int) -> list[tuple[str, str, int]]:
    """Return where a document links down to, the last first: ``uri``, the reference, and how deep that is.

    Of a page of items that is the next page, which is as deep.
    """
    down = kind_of(document) in ("Catalog", "Collection")
    relations = _DOWN if down else ("next",) if kind_of(document) == "FeatureCollection" else ()
    return [
        (uri, link["href"].replace("\\", "/"), depth + down)  # some were made where paths have backslashes
        for link in reversed(links_of(document))
        if link.get("rel") in relations
        if str(link.get("method", "GET")).upper() == "GET"
    ]
