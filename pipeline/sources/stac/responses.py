"""Answers of an API: of bounded size and time, by redirects to hosts that are allowed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import requests

from pipeline.errors import PipelineError
from pipeline.sources.stac.link_policy import LinkPolicy
from pipeline.storage import objects

_SILENT_S = 60.0  # without a byte
_WITHIN_S = 300.0  # for all of an answer
_LIMIT_BYTES = 64 * 2**20
_AT_ONCE_BYTES = 2**16
_AS_GET = (301, 302, 303)  # to these a POST is repeated without its body, as browsers do


def send(session: requests.Session, request: Mapping[str, Any], links: LinkPolicy) -> tuple[int, bytes]:
    """Put a request and return the answer's status and content.

    Raises:
        PipelineError: a redirect leads elsewhere, or the answer is too long in bytes or time.
        requests.RequestException: the server cannot be reached.
    """
    asked = dict(request)
    for _ in range(objects.MOST_REDIRECTS):
        with session.request(**asked, timeout=_SILENT_S, stream=True, allow_redirects=False) as answer:
            to = answer.headers.get("Location")
            if answer.status_code not in objects.REDIRECTS or to is None:
                return answer.status_code, _content(answer)
        where = objects.resolve(to, origin=asked["url"])
        links.check(asked["url"], where)
        asked |= {"url": where}
        asked.pop("params", None)  # they are in the address already
        if answer.status_code in _AS_GET and asked["method"] == "POST":
            asked |= {"method": "GET"}
            asked.pop("json", None)
    raise PipelineError(f"{request['url']} is behind more than {objects.MOST_REDIRECTS} redirects")


def _content(answer: requests.Response) -> bytes:
    found, began_s = bytearray(), time.monotonic()
    while len(found) <= _LIMIT_BYTES and time.monotonic() - began_s < _WITHIN_S:
        part = _read_some(answer)
        if not part:
            return bytes(found)
        found += part
    raise PipelineError(
        f"{answer.url} answers with more than {_LIMIT_BYTES / 2**20:.0f} MiB, or for longer than {_WITHIN_S:.0f} s"
    )


def _read_some(answer: requests.Response) -> bytes:
    """Read what has come: who trickles would keep a read of more bytes from ever returning."""
    try:
        return bytes(answer.raw.read1(_AT_ONCE_BYTES, decode_content=True))
    except Exception as error:  # urllib3's, which requests makes its own where it reads itself
        raise requests.ConnectionError(error) from error
