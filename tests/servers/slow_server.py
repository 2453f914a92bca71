"""A web server of one file that takes its time: before an answer, or between its bytes."""

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Slow(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    content: bytes
    before_s: float
    between_s: float
    over: threading.Event

    def do_HEAD(self) -> None:
        self._head()

    def do_GET(self) -> None:
        part = self._head()
        if not self.between_s:
            self.wfile.write(part)
            return
        for place in range(len(part)):
            self.wfile.write(part[place : place + 1])
            self.wfile.flush()
            if self.over.wait(self.between_s):
                return

    def _head(self) -> bytes:
        """Send the head of an answer and return what its body is to be."""
        time.sleep(self.before_s)
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        size = len(self.content)
        first, last = (0, size) if asked is None else (int(asked[1]), int(asked[2] or size))
        part = self.content[first : last + 1]
        self.send_response(200 if asked is None else 206)
        if asked is not None:
            self.send_header("Content-Range", f"bytes {first}-{first + len(part) - 1}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        return part

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def slow_server(content: bytes, *, before_s: float = 0.0, between_s: float = 0.0) -> Iterator[str]:
    """Serve ``content`` at every path, in ranges too; yield the server's address, without a slash at its end.

    An answer begins after ``before_s``, and its bytes are ``between_s`` apart: a body that trickles never stalls.
    """
    over = threading.Event()
    said = {"content": content, "before_s": before_s, "between_s": between_s, "over": over}
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Slow", (_Slow,), said)) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who had enough of it is gone
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            over.set()
            server.shutdown()
