"""A search of a STAC API, page by page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import requests

from pipeline.errors import ConfigError, PipelineError
from pipeline.scene import Refusal, Scene
from pipeline.sources.assets import scene_of_item
from pipeline.sources.stac import kind_of

KEYS = ("collections", "ids", "bbox", "intersects", "datetime", "query", "filter", "filter-lang", "sortby")
"""What a search may ask for, by the names of the STAC API."""

_PAGE_ITEMS = 100
_WITHIN_S = 60.0
_NO_POST = (404, 405, 501)
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
        if not self.stac_api.startswith(("https://", "http://")):
            raise ConfigError(f"stac_api must be a uri of https:// or http://, got {self.stac_api!r}")

    def __str__(self) -> str:
        return f"{self.stac_api} ({', '.join(f'{key}: {value}' for key, value in self.asked.items())})"


def search_scenes(search: Search, *, assets: tuple[str, ...]) -> Iterator[Scene | Refusal]:
    """Yield the scenes of the items that a search finds, each page when its turn comes.

    Raises:
        PipelineError: the API cannot be reached, refuses, or answers with no items.
    """
    for uri, page in _pages(search):
        for item in page["features"]:
            yield scene_of_item(item, origin=_origin(item, uri), wanted=assets)


def _pages(search: Search) -> Iterator[tuple[str, dict[str, Any]]]:
    uri = f"{search.stac_api.rstrip('/').removesuffix('/search')}/search"
    body = {**search.asked, "limit": _PAGE_ITEMS}
    if isinstance(body.get("datetime"), str):
        body["datetime"] = _whole_days(body["datetime"])
    if isinstance(body.get("filter"), str):
        body = {"filter-lang": "cql2-text"} | body
    with requests.Session() as session:
        request: dict[str, Any] | None = {"method": "POST", "url": uri, "json": body}
        while request:
            page = _page(session, request, body)
            yield uri, page
            request = _next(page, request)


def _page(session: requests.Session, request: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    try:
        answer = session.request(**request, timeout=_WITHIN_S)
        if request["method"] == "POST" and answer.status_code in _NO_POST:  # an API need not know POST
            request |= {"method": "GET", "params": _parameters(asked)}
            del request["json"]
            answer = session.request(**request, timeout=_WITHIN_S)
        answer.raise_for_status()
        page = answer.json()
    except requests.RequestException as error:
        said = " ".join(error.response.text[:300].split()) if error.response is not None else ""
        raise PipelineError(f"the search of {request['url']} failed: {error} {said}".rstrip()) from error
    if not isinstance(page, dict) or kind_of(page) != "FeatureCollection":
        raise PipelineError(f"{request['url']} answered a search with no ItemCollection: is it a STAC API?")
    return page


def _next(page: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the request of the next page; its link may repeat all of the search or only what is new."""
    link = next((each for each in page.get("links") or [] if each.get("rel") == "next"), None)
    if link is None or not page["features"]:
        return None
    uri = urljoin(request["url"], link["href"])
    headers = {str(key): str(value) for key, value in (link.get("headers") or {}).items()}
    if str(link.get("method", "GET")).upper() == "GET":
        return {"method": "GET", "url": uri, "headers": headers}
    before = request.get("json", {}) if link.get("merge") else {}
    return {"method": "POST", "url": uri, "headers": headers, "json": {**before, **(link.get("body") or {})}}


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
    """Return where an item says that it is, for assets that are relative to it."""
    own = next((each.get("href") for each in item.get("links") or [] if each.get("rel") == "self"), None)
    return urljoin(uri, str(own)) if own else uri
