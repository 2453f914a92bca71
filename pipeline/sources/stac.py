"""Scenes of STAC documents, 0.8 to 1.1: an Item, an ItemCollection, and whatever a Catalog or Collection links to.

A document is read when its turn comes and forgotten after it. What a linked document lacks is a refusal of its
own and leaves the others alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline import objects
from pipeline.errors import PipelineError
from pipeline.scene import Refusal, Scene
from pipeline.sources.assets import has_data, scene_of_item

_DOWN = ("child", "item", "items")
_SNIFF_BYTES = 64


def stac_scenes(uri: str, *, assets: tuple[str, ...]) -> Iterator[Scene | Refusal]:
    """Yield the scenes of the document at ``uri`` and of those that it links to, each document once.

    Raises:
        PipelineError: the document itself cannot be read or is no STAC.
    """
    document = read_document(uri)
    yield from _document_scenes(uri, document, assets)
    seen, ahead = {hash(uri)}, _links(document, uri)  # of an archive's documents 64 bits each are kept
    while ahead:
        origin, href = ahead.pop()
        try:
            place = objects.resolve(href, origin=origin)
            if hash(place) in seen:
                continue
            seen.add(hash(place))
            document = read_document(place)
        except PipelineError as error:
            yield Refusal(href, f"{origin} links to what cannot be had: {error}")
            continue
        yield from _document_scenes(place, document, assets)
        ahead += _links(document, place)


def is_document(uri: str) -> bool:
    """Tell whether what is at ``uri``, whose name says nothing, begins as JSON does."""
    try:
        return objects.get_bytes(uri, limit_bytes=_SNIFF_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"
    except FileNotFoundError:
        return False


def read_document(uri: str) -> dict[str, Any]:
    """Read a STAC document.

    Raises:
        PipelineError: it is missing, cannot be reached, or is no STAC.
    """
    try:
        document = json.loads(objects.get_bytes(uri))
    except (FileNotFoundError, IsADirectoryError):
        raise PipelineError(f"the STAC document {uri} does not exist") from None
    except (ValueError, RecursionError) as error:
        raise PipelineError(f"{uri} is no STAC document, it is no JSON: {error}") from error
    if not isinstance(document, dict) or kind_of(document) is None:
        raise PipelineError(
            f"{uri} is no STAC document: expected an Item, an ItemCollection, a Collection or a Catalog"
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


def _document_scenes(
    uri: str, document: Mapping[str, Any], assets: tuple[str, ...]
) -> Iterator[Scene | Refusal]:
    kind = kind_of(document)
    if kind == "Feature" or (kind == "Collection" and has_data(document)):
        yield scene_of_item(document, origin=uri, wanted=assets)
    elif kind == "FeatureCollection":
        for item in document["features"]:
            if isinstance(item, dict) and kind_of(item) == "Feature":
                yield scene_of_item(item, origin=uri, wanted=assets)
            else:
                yield Refusal(uri, f"a feature in {uri} is no STAC item: it needs an id and assets")


def _links(document: Mapping[str, Any], uri: str) -> list[tuple[str, str]]:
    """Return where a document links down to, the last first: ``uri`` and the reference.

    Of a page of items that is the next page.
    """
    relations = {"Catalog": _DOWN, "Collection": _DOWN, "FeatureCollection": ("next",)}.get(
        str(kind_of(document)), ()
    )
    links = [link for link in document.get("links") or [] if isinstance(link, dict)]
    return [
        (uri, str(link["href"]).replace("\\", "/"))  # some were made where paths have backslashes
        for link in reversed(links)
        if link.get("rel") in relations and "href" in link
        if str(link.get("method", "GET")).upper() == "GET"
    ]
