"""Where the links of a document may lead."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from pipeline.errors import ConfigError, PipelineError
from pipeline.storage import objects

_ALIKE = {"s3a": "s3", "gcs": "gs", "abfs": "az", "abfss": "az"}
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class LinkPolicy:
    """Links lead to the scheme and host of the document that has them, and to the ``hosts``, such as https://host.

    To a storage a bucket is a host. The same host by https instead of http is no other.

    Raises:
        ConfigError: one of ``hosts`` is no remote scheme and host.
    """

    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for host in self.hosts:
            _check_host(host)

    def check(self, origin: str, to: str) -> None:
        """Refuse a link, or a redirect, of ``origin``.

        Raises:
            PipelineError: it leads elsewhere; the message says how to allow it.
        """
        if not objects.is_remote(to):
            if objects.is_remote(origin):
                raise PipelineError(f"{origin} is remote and may not name the local file {to}")
            return
        objects.check_uri(to)
        endpoint = _endpoint(to)
        allowed = {_endpoint(host) for host in self.hosts}
        if objects.is_remote(origin):
            scheme, host, port = _endpoint(origin)
            allowed |= {(scheme, host, port)}
            allowed |= {("https", host, 443)} if (scheme, port) == ("http", 80) else set()
        if endpoint not in allowed:
            raise PipelineError(
                f"{origin} links to {to}, which is of another scheme or host: name {_named(to)} in link_hosts, a key "
                "of the configuration, where it is trusted"
            )


def _check_host(host: str) -> None:
    try:
        objects.check_uri(host)
        whole = objects.is_remote(host) and host.rstrip("/").count("/") == 2  # noqa: PLR2004 - those of ://
    except PipelineError:
        whole = False
    if not whole:
        raise ConfigError(
            f"link_hosts must be schemes and hosts such as https://host or s3://bucket, got {host!r}"
        )


def _named(uri: str) -> str:
    """Return what ``hosts`` has to hold for a uri."""
    scheme, _, endpoint = uri.partition("://")
    return f"{scheme}://{endpoint.partition('/')[0].partition('?')[0].rpartition('@')[2]}"


def _endpoint(uri: str) -> tuple[str, str, int | None]:
    """Return the scheme, host and port of a remote uri, that have been checked."""
    scheme = objects.scheme_of(uri)
    if not objects.is_web(uri):
        return _ALIKE.get(scheme, scheme), uri.partition("://")[2].partition("/")[0], None
    parts = urlsplit(uri)
    return scheme, (parts.hostname or "").rstrip("."), parts.port or _PORTS[scheme]
