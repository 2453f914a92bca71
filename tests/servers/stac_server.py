"""STAC APIs on free ports of 127.0.0.1: rustac's, which others wrote, and one that knows GET alone."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

READY_WITHIN_S = 30.0


@contextlib.contextmanager
def running_stac_server(items: list[Path]) -> Iterator[str]:
    """Start rustac's server with items in files, yield its landing page when it answers, end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [
        str(Path(sys.executable).parent / "rustac"),
        "serve",
        "--create-collections",
        "--addr",
        address,
    ]
    process = subprocess.Popen(
        [*command, *map(str, items)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_until_ready(f"http://{address}/", process)
        yield f"http://{address}"
    finally:
        process.kill()
        process.wait()


def _wait_until_ready(uri: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(uri, timeout=1).close()  # noqa: S310 - our own server
            return
        time.sleep(0.05)
    msg = f"the STAC server did not answer within {READY_WITHIN_S:.0f} s (code {process.poll()})"
    raise RuntimeError(msg)


class GetOnly(BaseHTTPRequestHandler):
    """A search by GET with pages of two items, as an API may be that keeps to the least of the standard."""

    items: ClassVar[list[dict[str, Any]]] = []
    asked: ClassVar[list[dict[str, list[str]]]] = []

    def do_GET(self) -> None:
        parameters = parse_qs(urlsplit(self.path).query)
        self.asked.append(parameters)
        skip = int(parameters.get("skip", ["0"])[0])
        links = [{"rel": "next", "href": f"?collections=c&skip={skip + 2}"}]
        page = {
            "type": "FeatureCollection",
            "features": self.items[skip : skip + 2],
            "links": links if skip + 2 < len(self.items) else [],
        }
        self._answer(200, json.dumps(page).encode())

    def do_POST(self) -> None:
        self._answer(405, b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        pass

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextlib.contextmanager
def running(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve by a handler on a free port, yield its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
