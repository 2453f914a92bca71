"""A search of a STAC API, page by page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from pipeline.errors import ConfigError, PipelineError
from pipeline.geometry.scene import Scene
from pipeline.sources.naming import Refusal
from pipeline.sources.stac.documents import features_of, kind_of, links_of
from pipeline.sources.stac.fields import dict_of, text_of
from pipeline.sources.stac.link_policy import LinkPolicy
from pipeline.sources.stac.responses import send
from pipeline.storage import objects
from pipeline.storage.documents import json_of

KEYS = ("collections", "ids", "bbox", "intersects", "datetime", "query", "filter", "filter-lang", "sortby")
"""What a search may ask for, by the names of the STAC API."""

_PAGE_ITEMS = 100
_NO_POST = (404, 405, 501)
_REFUSED = 400
_SAID_BYTES = 300
_HEADERS = ("accept", "accept-language", "content-type", "search-after")
"""What a link may have sent: of these none names a machine or signs anything."""

_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Search:
    """What to ask which STAC API for: ``stac_api`` is its landing page, ``asked`` has some of ``KEYS``.

    Raises:
        ConfigError: a key is not known, or the uri is none of the web.
    """

    stac_api: str
    asked: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = [str(key) for key in self.asked if key not in KEYS]
        if unknown:
            raise ConfigError(
                f"unknown key {', '.join(unknown)} in a STAC search; known are {', '.join(KEYS)}"
            )
        if not objects.is_web(self.stac_api):
            raise ConfigError(f"stac_api must be a uri of https:// or http://, got {self.stac_api!r}")

    def __str__(self) -> str:
        return f"{self.stac_api} ({', '.join(f'{key}: {value}' for key, value in self.asked.items())})"


def search_scenes(search: Search, *, assets: tuple[str, ...], links: LinkPolicy) -> Iterator[Scene | Refusal]:
    """Yield the scenes of the items that a search finds, each page when its turn comes.

    Raises:
        PipelineError: the API cannot be reached, refuses, answers with no items, or with a next page that is not its
            own to name.
    """
    for uri, page in _pages(search, links):
        yield from features_of(page, uri, assets, origin_of=_origin)


def _pages(search: Search, links: LinkPolicy) -> Iterator[tuple[str, dict[str, Any]]]:
    uri = f"{search.stac_api.rstrip('/').removesuffix('/search')}/search"
    body = {**search.asked, "limit": _PAGE_ITEMS}
    if isinstance(body.get("datetime"), str):
        body["datetime"] = _whole_days(body["datetime"])
    if isinstance(body.get("filter"), str):
        body = {"filter-lang": "cql2-text"} | body
    seen: set[int] = set()
    with requests.Session() as session:
        request: dict[str, Any] | None = {"method": "POST", "url": uri, "json": body}
        while request:
            mark = hash(json.dumps(request, default=str))
            if mark in seen:
                raise PipelineError(f"the search of {request['url']} has a next page that was read before")
            seen.add(mark)
            page = _page(session, request, body, links)
            yield uri, page
            request = _next(page, request, links)


def _page(
    session: requests.Session, request: dict[str, Any], asked: dict[str, Any], links: LinkPolicy
) -> dict[str, Any]:
    try:
        status, content = send(session, request, links)
        if request["method"] == "POST" and status in _NO_POST:  # an API need not know POST
            request |= {"method": "GET", "params": _parameters(asked)}
            del request["json"]
            status, content = send(session, request, links)
    except requests.RequestException as error:
        raise PipelineError(f"the search of {request['url']} failed: {error}") from error
    if status >= _REFUSED:
        said = " ".join(content[:_SAID_BYTES].decode(errors="replace").split())
        raise PipelineError(f"the search of {request['url']} failed with {status}: {said}".rstrip(": "))
    try:
        page = json_of(content)
    except ValueError as error:
        raise PipelineError(f"{request['url']} answered a search with no JSON: {error}") from error
    if not isinstance(page, dict) or kind_of(page) != "FeatureCollection":
        raise PipelineError(f"{request['url']} answered a search with no ItemCollection: is it a STAC API?")
    return page


def _next(page: Mapping[str, Any], request: Mapping[str, Any], links: LinkPolicy) -> dict[str, Any] | None:
    """Return the request of the next page; its link may repeat all of the search or only what is new.

    Raises:
        PipelineError: it leads to another host, or asks for what a page has no need of.
    """
    link = next((each for each in links_of(page) if each.get("rel") == "next"), None)
    if link is None or not page["features"]:
        return None
    uri = objects.resolve(link["href"], origin=request["url"])
    links.check(request["url"], uri)
    try:
        method = (text_of(link, "method") or "GET").upper()
        headers, body = dict_of(link, "headers"), dict_of(link, "body")
    except ValueError as error:
        raise PipelineError(
            f"the link to the next page of {request['url']} is no request: {error}"
        ) from error
    for name, value in headers.items():
        if name.lower() not in _HEADERS or not isinstance(value, str):
            raise PipelineError(
                f"the next page of {request['url']} asks for the header {name!r}: allowed are texts in "
                f"{', '.join(_HEADERS)}"
            )
    if method == "GET":
        return {"method": "GET", "url": uri, "headers": dict(headers)}
    if method != "POST":
        raise PipelineError(
            f"the next page of {request['url']} asks for {method[:20]!r}: expected GET or POST"
        )
    before = request.get("json", {}) if link.get("merge") else {}
    return {"method": "POST", "url": uri, "headers": dict(headers), "json": {**before, **body}}


def _parameters(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return a search as the parameters of a GET: lists by commas, objects as JSON."""

    def written(value: object) -> object:
        if isinstance(value, list) and not any(isinstance(each, dict) for each in value):
            return ",".join(map(str, value))
        return json.dumps(value) if isinstance(value, dict | list) else value

    return {key: written(value) for key, value in asked.items()}


def _whole_days(interval: str) -> str:
    """Return an interval in RFC 3339: a day alone begins with its first second and ends with its last."""
    begin, _, end = interval.partition("/")
    begin_s = f"{begin}T00:00:00Z" if _DAY.fullmatch(begin) else begin
    end = end or begin
    end_s = f"{end}T23:59:59Z" if _DAY.fullmatch(end) else end
    return begin_s if begin_s == end_s else f"{begin_s}/{end_s}"


def _origin(item: Mapping[str, Any], uri: str) -> str:
    """Return where an item says that it is, for assets that are relative to it; on this machine it never is."""
    own = next((link["href"] for link in links_of(item) if link.get("rel") == "self"), None)
    try:
        return uri if own is None else objects.resolve(own, origin=uri)
    except PipelineError:
        return uri
