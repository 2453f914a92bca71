"""Parameters of uris: in the query, the fragment, the path (``;name=value``), or in a query that is encoded there."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import NamedTuple

from pipeline.redact.names import goes_with_a_signature, may_be_shown, signs

# A password may hold a slash, a colon or an @ that should have been encoded; a port is a number.
_USER = re.compile(
    r"(?<=://)([^/\s\"'<>?#\\]+|[^/\s@:\[\"'<>\\]{0,200}:(?!\d+(?:[/?#\s]|$))[^\s\"'<>\\]{0,400})@"
)
_REMOTE = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_WEB = re.compile(r"https?://|/", re.IGNORECASE)
_MATRIX = re.compile(r"(;)([^;/=]+=[^;/]*)")
_ENCODED_QUERY = re.compile(r"(%(?:25)*3F)([^/]+)", re.IGNORECASE)
_ENCODED_AND, _ENCODED_IS = r"%(?:25)*(?:26|3B)|[&;]", r"%(?:25)*3D|="
_PARAMETERS = re.compile(r"[?#;%]")
_MARK = re.compile(r"~[0-9a-f]{8}")
_SHORT_CHARS = 16  # a fragment that is no longer is a position in a page, and no key


class _Part(NamedTuple):
    """A parameter with what stands before it."""

    before: str
    text: str
    name: str
    value: str | None


Choice = Callable[[list[_Part]], list[str]]
"""What of some parameters is left."""


def without_user(text: str) -> str:
    """Return a text without the user and password of every uri in it."""
    return _USER.sub("", text)


def unsigned(uri: str) -> str:
    """Return a uri without what is known to sign it: the same text however it was signed.

    It may hold other secrets, and is not to be shown.

    >>> unsigned("https://host/a.tif?file=5&%73ig=b0b")
    'https://host/a.tif?file=5'
    """
    return _chosen(without_user(uri), _all_but_signed, remote=_REMOTE.match(uri) is not None)


def shown(uri: str) -> str:
    """Return a uri that names no user with what of its parameters may be shown, and a mark of what is not.

    >>> shown("https://host/a.tif?id=5&X-Amz-Signature=b0b"), shown("https://host/get?what=5")
    ('https://host/a.tif?id=5', 'https://host/get?~e198a5fc')
    """
    return _chosen(uri, _shown_on_the_web if _WEB.match(uri) else _shown, remote=True)


def _chosen(uri: str, choose: Choice, *, remote: bool) -> str:
    """Return a uri with what of its parameters is chosen; a colon or stop behind it is the sentence's."""
    if not _PARAMETERS.search(uri):
        return uri  # as most are: a list may name a million
    body = uri.rstrip(":.,;)]}")
    whole, fragment, tail = body.partition("#") if remote else (body, "", "")
    path, question, query = whole.partition("?")
    if remote:
        path = _MATRIX.sub(lambda found: _left(found[1], found[2], choose), path)
        path = _ENCODED_QUERY.sub(
            lambda found: _left(found[1], found[2], choose, _ENCODED_AND, _ENCODED_IS), path
        )
    query = _left(question, query, choose)
    hides = "=" in tail or len(tail) > _SHORT_CHARS
    return path + query + (_left(fragment, tail, choose) if hides else fragment + tail) + uri[len(body) :]


def _left(mark: str, text: str, choose: Choice, between: str = "[&;]", equals: str = "=") -> str:
    """Return what is chosen of the parameters that follow a mark such as a ?; nothing of no parameters."""
    pieces = re.split(f"({between})", text, flags=re.IGNORECASE)
    parts = [
        _part(before, each, equals) for before, each in zip(["", *pieces[1::2]], pieces[::2], strict=True)
    ]
    chosen = choose(parts)
    return mark + "".join(chosen) if chosen and text else "" if text else mark


def _part(before: str, text: str, equals: str) -> _Part:
    name, *value = re.split(equals, text, maxsplit=1, flags=re.IGNORECASE)
    return _Part(before, text, name, value[0] if value else None)


def _unsigned_parts(parts: list[_Part]) -> list[_Part]:
    if not any(signs(part.name) for part in parts):
        return parts
    return [part for part in parts if not goes_with_a_signature(part.name)]


def _all_but_signed(parts: list[_Part]) -> list[str]:
    return _joined(_unsigned_parts(parts))


def _shown(parts: list[_Part], *, bare: bool = True) -> list[str]:
    """Return what may be shown, and a mark of what else there is that does not sign."""

    def is_shown(part: _Part) -> bool:
        if part.value is None:
            return _MARK.fullmatch(part.text) is not None or (bare and not signs(part.name))
        return may_be_shown(part.name, part.value)

    if all(map(is_shown, parts)):
        return _joined(parts)
    left = [part.text for part in _unsigned_parts(parts) if part.text and not is_shown(part)]
    mark = (
        [_Part("&", f"~{hashlib.sha256('&'.join(left).encode()).hexdigest()[:8]}", "", None)] if left else []
    )
    return _joined([*(part for part in parts if is_shown(part)), *mark])


def _shown_on_the_web(parts: list[_Part]) -> list[str]:
    """Return what may be shown of a web server's parameters, where a word alone may be a key."""
    return _shown(parts, bare=False)


def _joined(parts: list[_Part]) -> list[str]:
    return [part.text if index == 0 else part.before + part.text for index, part in enumerate(parts)]
