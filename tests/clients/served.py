"""A web server of a folder for a browser: byte ranges, other origins allowed, and one answer that is posted to it."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Site:
    """What is served: files below a folder, and the answer that is waited for."""

    folder: Path
    address: str
    _answered: threading.Event = field(default_factory=threading.Event)
    _answers: list[Any] = field(default_factory=list)

    def answer(self, *, within_s: float) -> Any:  # noqa: ANN401 - whatever the page posts
        assert self._answered.wait(within_s), f"no answer within {within_s} s"
        return self._answers[0]

    def take(self, body: bytes) -> None:
        self._answers.append(json.loads(body))
        self._answered.set()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    types = {".html": "text/html", ".js": "text/javascript", ".json": "application/json"}  # noqa: RUF012 - never changed

    def __init__(self, *args: Any, site: Site) -> None:  # noqa: ANN401 - as the server gives them
        self.site = site
        super().__init__(*args)

    def do_GET(self) -> None:
        path = self.site.folder / unquote(urlsplit(self.path).path).lstrip("/")
        inside = path.resolve().is_relative_to(self.site.folder.resolve())
        if not inside or not path.is_file():
            self._send(404, b"")
            return
        self._send_part(path.read_bytes(), self.types.get(path.suffix, "application/octet-stream"))

    def do_POST(self) -> None:
        self.site.take(self.rfile.read(int(self.headers["Content-Length"])))
        self._send(204, b"")

    def do_OPTIONS(self) -> None:
        self._send(204, b"")

    def _send_part(self, content: bytes, kind: str) -> None:
        """Send what `Range` asks for, the last bytes (`-100`) too."""
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if asked is None:
            self._send(200, content, kind)
            return
        first, last = asked.groups()
        start = int(first) if first else max(0, len(content) - int(last))
        part = content[start : int(last) + 1 if first and last else None]
        self._send(206, part, kind, f"bytes {start}-{start + len(part) - 1}/{len(content)}")

    def _send(self, status: int, body: bytes, kind: str = "text/plain", part: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Headers", "Range")
        self.send_header("Accept-Ranges", "bytes")
        if part:
            self.send_header("Content-Range", part)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Site]:
    """Serve a folder on a free port of 127.0.0.1 until the end of the block."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        site = Site(folder, f"http://127.0.0.1:{server.server_address[1]}")
        server.RequestHandlerClass = partial(_Handler, site=site)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield site
        finally:
            server.shutdown()
