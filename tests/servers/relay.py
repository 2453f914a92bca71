"""A relay in front of a server that counts the bytes that come back through it, headers included."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

_AT_ONCE = 1 << 16


@dataclass(slots=True)
class Relay:
    """Where the relay listens, and what came back through it since ``reset``."""

    endpoint: str = ""
    received_bytes: int = 0
    connections: int = 0
    requests: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reset(self) -> None:
        with self._lock:
            self.received_bytes = 0
            self.requests.clear()

    def count(self, data: bytes) -> None:
        with self._lock:
            self.received_bytes += len(data)

    def note(self, data: bytes) -> None:
        head = data.split(b"\r\n\r\n", 1)[0].decode("latin-1")
        ranged = [line for line in head.splitlines() if line.lower().startswith("range:")]
        if head.startswith(("GET", "HEAD")):
            with self._lock:
                self.requests.append(" ".join([head.split(" HTTP", 1)[0], *ranged]))


@contextlib.contextmanager
def counting_relay(upstream: str) -> Iterator[Relay]:
    """Relay to the server at ``upstream`` (``http://host:port``) from a free port of 127.0.0.1."""
    host, port = upstream.removeprefix("http://").split(":")
    relay = Relay()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay.endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        threading.Thread(target=_accept, args=(listener, (host, int(port)), relay), daemon=True).start()
        yield relay


def _accept(listener: socket.socket, upstream: tuple[str, int], relay: Relay) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return  # closed: the test is over
        relay.connections += 1
        server = socket.create_connection(upstream)
        for source, target, tell in ((client, server, relay.note), (server, client, relay.count)):
            threading.Thread(target=_pass_on, args=(source, target, tell), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, tell: object) -> None:
    assert callable(tell)
    with contextlib.suppress(OSError):
        while data := source.recv(_AT_ONCE):
            tell(data)
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
