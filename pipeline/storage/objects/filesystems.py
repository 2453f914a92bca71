"""Uris, the file systems they are of, and the one error that a storage's refusal becomes."""

from __future__ import annotations

import errno
import os
import posixpath
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec

from pipeline.errors import OutputError, PipelineError
from pipeline.storage.access import fsspec_options
from pipeline.storage.location import Location
from pipeline.storage.objects.uris import (
    check_uri,
    is_remote,
    is_web,
    local_path,
    readable_path,
    scheme_of,
    unescaped,
)

_NOT_FOUND = (404, 410)
_REMEDIES = {
    errno.ENOSPC: "Free space there",
    errno.EDQUOT: "Free space there, or raise the quota",
    errno.EROFS: "Make it writable, or give another output",
    errno.EACCES: "Make it writable, or give another output",
    errno.EPERM: "Make it writable, or give another output",
}


def join(root: str, *parts: str) -> str:
    """Return the uri of something below ``root``: parts are set off by one slash each.

    >>> join("s3://bucket/out/", "ledger", "0-0.json")
    's3://bucket/out/ledger/0-0.json'
    """
    return "/".join([root.rstrip("/"), *parts])


def resolve(reference: str, *, origin: str) -> str:
    """Return the uri of what ``reference`` names in the object at ``origin``: it may be relative to its folder.

    What comes after the ``?`` of ``origin`` is not carried on, as RFC 3986 (5.2.2) has it: a signature holds for the
    object it was made for, another one would only refuse it, and a token of a whole container would be handed to
    whatever a document names. Who reads below a signed document gives the key by the environment.

    >>> resolve("../b/2.tif", origin="s3://bucket/a/list.txt")
    's3://bucket/b/2.tif'

    Raises:
        PipelineError: an object on another machine names a local file, or it is no uri of a listed scheme.
    """
    check_uri(reference)
    if is_remote(reference):
        return with_lowercase_scheme(reference)
    if not is_remote(origin):
        named = readable_path(reference) if scheme_of(reference) else reference
        path = os.path.normpath(Path(local_path(origin)).absolute().parent / named)
        return path if scheme_of(reference) else unescaped(path)
    if scheme_of(reference):
        raise PipelineError(f"{origin} is remote and may not name the local file {reference}")
    return _resolved(reference, origin)


def with_lowercase_scheme(uri: str) -> str:
    """Return a remote uri with its scheme in small letters, as the clients of storages want it."""
    return scheme_of(uri) + uri[len(scheme_of(uri)) :]


def _resolved(reference: str, origin: str) -> str:
    """Return what a reference without a scheme names, of an object on another machine."""
    scheme, _, address = origin.partition("://")
    if not is_web(origin):
        host, _, path = address.partition("/")
        return f"{scheme}://{host}{_joined(f'/{path}', reference)}"
    if reference.startswith("//"):
        return f"{scheme}:{reference}"
    host, _, path = re.split(r"[?#]", address, maxsplit=1)[0].partition("/")
    named, mark, query = reference.partition("?")
    return f"{scheme}://{host}{_joined(f'/{path}', named) if named else f'/{path}'}{mark}{query}"


def _joined(path: str, reference: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), reference))


def link_between(root: Location, location: Location) -> str | None:
    """Return the first link on the way from ``root`` down to a location, itself included; None where there is none."""
    if is_remote(location.uri):
        return None
    top, end = Path(local_path(root.uri)), Path(local_path(location.uri))
    way = [end, *end.parents]
    return next((str(each) for each in reversed(way) if top in each.parents and each.is_symlink()), None)


def filesystem_of(location: Location) -> tuple[Any, str]:
    """Return the file system of a location and its path there.

    Raises:
        PipelineError: it is no uri of a listed scheme.
    """
    check_uri(location.uri)
    if not is_remote(location.uri):
        return fsspec.filesystem("file"), str(Path(local_path(location.uri)).absolute())
    uri = with_lowercase_scheme(location.uri)
    options = fsspec_options(uri, location.storage)
    if is_web(uri):  # fsspec's own parser would take the colons of an address or a query for a chain
        return fsspec.filesystem(scheme_of(uri), **options), uri
    filesystem, path = fsspec.url_to_fs(uri, **options)
    return filesystem, path


def found_at(origin: Location, path: str) -> Location:
    """Return where a path is that was found by way of ``origin``."""
    return origin.at(f"{scheme_of(origin.uri)}://{path.lstrip('/')}" if is_remote(origin.uri) else path)


@contextmanager
def reporting_errors(verb: str, location: Location) -> Iterator[None]:
    """Turn any refusal of a storage into one error that names the object."""
    uri = location.uri
    try:
        yield
    except FileNotFoundError as error:
        refusal = error.__cause__  # to fsspec whatever a web server refuses is not found
        if not is_web(uri) or refusal is None or _is_missing(refusal):
            raise
        raise PipelineError(f"cannot {verb} {uri}: {type(refusal).__name__}: {refusal}") from error
    except (IsADirectoryError, PipelineError):
        raise
    except Exception as error:  # botocore's and the file systems' errors have no base in common
        name = type(error).__name__
        refused = is_remote(uri) and (isinstance(error, PermissionError) or name == "NoCredentialsError")
        remedy = ". Check the storage's credentials in the environment" if refused else ""
        raise PipelineError(f"cannot {verb} {uri}: {name}: {error}{remedy}") from error


@contextmanager
def reporting_write_errors(location: Location) -> Iterator[None]:
    """Turn any refusal to write into one error that names the object and what to do.

    Raises:
        OutputError: the storage refused.
    """
    uri = location.uri
    try:
        with reporting_errors("write", location):
            yield
    except OutputError:
        raise
    except (OSError, PipelineError) as error:
        refusal = error if isinstance(error, OSError) else error.__cause__
        said = f"cannot write {uri}: {refusal}" if isinstance(error, OSError) else str(error)
        remedy = None if is_remote(uri) else _REMEDIES.get(getattr(refusal, "errno", None) or 0)
        go_on = "nothing half written counts, and the same command goes on when it can be written"
        raise OutputError(f"{said}. {f'{remedy}: ' if remedy else ''}{go_on}") from error


def _is_missing(refusal: BaseException) -> bool:
    return isinstance(refusal, FileNotFoundError) or getattr(refusal, "status", None) in _NOT_FOUND
