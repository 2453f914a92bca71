"""Which uris there are: local paths, ``file:``, and those of the listed schemes; nothing else that fsspec may know."""

from __future__ import annotations

import os
import re
from urllib.parse import unquote_to_bytes, urlsplit

from pipeline.errors import PipelineError

REMOTE = ("http", "https", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss")
"""The schemes of what is on another machine."""

_SCHEME = re.compile(r"(file(?=:/)|[^/\\?#\s]+(?=://))", re.IGNORECASE)
_IPV6 = re.compile(r"(?<=//)([^/@]*@)?\[[0-9a-f:.]+\]", re.IGNORECASE)
_LOCAL_HOSTS = ("", "localhost")


def scheme_of(uri: str) -> str:
    """Return the scheme of a uri in small letters, listed or not; "" of a local path.

    >>> [scheme_of(uri) for uri in ("S3://b/a.tif", "file:/a.tif", "data/a.tif", "zip://a::http://b")]
    ['s3', 'file', '', 'zip']
    """
    found = _SCHEME.match(uri)
    return "" if found is None else found[0].lower()


def is_remote(uri: str) -> bool:
    """Tell whether ``uri`` names something on another machine, and not a local path."""
    return scheme_of(uri) not in ("", "file")


def is_web(uri: str) -> bool:
    """Tell whether ``uri`` is read by HTTP, where nothing can be listed."""
    return scheme_of(uri) in ("http", "https")


def check_uri(uri: str) -> None:
    """Refuse what is neither a local path nor a uri of a listed scheme, and chains of uris.

    Raises:
        PipelineError: it is; the message lists the schemes.
    """
    scheme = scheme_of(uri)
    chained = _IPV6.sub("", uri).partition("?")[0] if is_web(uri) else uri
    if "\0" in uri or not is_text(uri):
        raise PipelineError(f"{uri} is no name in UTF-8 without a byte of zero: rename it")
    if scheme not in ("", "file", *REMOTE) or (scheme not in ("", "file") and "::" in chained):
        raise PipelineError(
            f"{uri} cannot be reached: expected a path or a uri of {', '.join(('file', *REMOTE))}, without '::'"
        )
    if scheme == "file":
        _path_of(uri)
    if is_web(uri) and not _has_host(uri):
        raise PipelineError(f"{uri} is no address of the web: expected https://host/path")


def local_path(uri: str) -> str:
    """Return the path of a local uri: that of ``file:`` without its percent escapes, a path as it is.

    >>> local_path("file://localhost/Flight%2012/a.tif"), local_path("/Flight%2012/a.tif")
    ('/Flight 12/a.tif', '/Flight%2012/a.tif')

    Raises:
        PipelineError: it is a file's uri of another machine.
    """
    return os.fsdecode(unquote_to_bytes(_path_of(uri))) if scheme_of(uri) == "file" else uri


def readable_path(uri: str) -> str:
    """Return the path to read a local ``uri`` from: where a ``file:`` was written without escapes, what it says."""
    path = local_path(uri)
    return path if os.path.lexists(path) or path == uri else _either(_path_of(uri), path)


def unescaped(path: str) -> str:
    """Return a path that a document names: as it stands, or without percent escapes where only that is there."""
    return _either(path, os.fsdecode(unquote_to_bytes(path))) if "%" in path else path


def is_text(uri: str) -> bool:
    """Tell whether a name is one in UTF-8: a file system knows others."""
    try:
        uri.encode()
    except UnicodeEncodeError:
        return False
    return True


def _has_host(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _either(first: str, other: str) -> str:
    """Return the path that exists, the first of two."""
    return other if os.path.lexists(other) and not os.path.lexists(first) else first


def _path_of(uri: str) -> str:
    """Return the escaped path of a file's uri."""
    address = uri[len("file:") :]
    if not address.startswith("//"):
        return address
    host, slash, path = address[2:].partition("/")
    if host.lower() not in _LOCAL_HOSTS or not slash:
        raise PipelineError(
            f"{uri} names a file of the machine {host!r}: expected a path, file:///path or file://localhost/path"
        )
    return slash + path
