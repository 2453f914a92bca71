"""A proxy that must be gone through, asked once before anything waits for it window by window."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from pipeline.errors import ConfigError
from pipeline.redact import redacted
from pipeline.sources import SceneList, Search
from pipeline.storage import objects
from pipeline.storage.access import s3_endpoint
from pipeline.storage.location import Location

ANSWER_S = 10.0
REMOTE = {"http": 80, "https": 443, "s3": 443}
S3_HOST = "s3.amazonaws.com"


def check_proxies(scenes: SceneList | None, *others: Location) -> None:
    """Ask the proxies that scenes, if any, and `others` are reached through, each once.

    Raises ConfigError for one that does not answer.
    """
    asked = set()
    for location in (*(() if scenes is None else _locations(scenes)), *others):
        scheme, host = _reached(location)
        proxy = (
            None if host is None or proxy_bypass(host) else getproxies().get(scheme, getproxies().get("all"))
        )
        if host is not None and proxy and proxy not in asked:
            asked.add(proxy)
            _ask(proxy, host, REMOTE[scheme], wanted_for=location.uri)


def _locations(scenes: SceneList) -> Iterator[Location]:
    for spec in scenes.specs:
        yield Location(spec.stac_api if isinstance(spec, Search) else spec, scenes.storage)


def _reached(location: Location) -> tuple[str, str | None]:
    """Return by which protocol and at which host storage is, no host for what is on this machine."""
    uri = location.uri
    if objects.scheme_of(uri) in {"s3", "s3a"}:
        uri = s3_endpoint(location.storage) or f"https://{S3_HOST}"
    parts = urlsplit(uri)
    return parts.scheme, parts.hostname if parts.scheme in {"http", "https"} else None


def _ask(proxy: str, host: str, port: int, *, wanted_for: str) -> None:
    """Ask a proxy for a way to a host; whatever it answers, it is there."""
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    try:
        at = (parts.hostname or "", parts.port or 80)
        with socket.create_connection(at, ANSWER_S) as connection:
            if parts.scheme == "http":  # in other tongues what is there has to do
                connection.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
                if not connection.recv(1):
                    raise ConnectionError("it hangs up")
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the proxy {redacted(proxy)}, which the environment names for {redacted(wanted_for)}, does not answer "
            f"({error}): start it, or unset HTTP_PROXY and HTTPS_PROXY, or name the host in NO_PROXY"
        ) from error
