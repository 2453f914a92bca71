"""A proxy in front of an HTTP server that lets a share of the requests fail, by a seed: the same again when asked.

It understands HTTP/1.1 as far as storage speaks it: bodies of a length and in chunks, HEAD, ranges, kept connections.
Heads pass as they are, because a signature covers the host; only what is between neighbours (``Connection``,
``Expect``) is the proxy's own.
"""

import asyncio
import contextlib
import queue
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count

_AT_ONCE = 1 << 16
_END = b"\r\n\r\n"


class Fault(StrEnum):
    """What becomes of a request."""

    INTERNAL = "500"
    SLOW_DOWN = "503"
    RESET = "reset"
    """The connection is reset before the server sees anything."""
    STALL = "stall"
    """No more bytes ever come: of the answer, or of its second half."""
    TRUNCATED = "truncated"
    """The server does what it is asked to do, and half of its answer comes back."""


_SAID = {
    Fault.INTERNAL: ("500 Internal Server Error", "InternalError"),
    Fault.SLOW_DOWN: ("503 Slow Down", "SlowDown"),
}


@dataclass(slots=True)
class FaultyProxy:
    """Where the proxy listens, which share of the requests fails, and what it has done so far."""

    upstream: tuple[str, int]
    seed: int = 0
    share: float = 0.0
    kinds: tuple[Fault, ...] = tuple(Fault)
    endpoint: str = ""
    requests: int = 0
    injected: Counter[Fault] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    """Number, line and fault of each request that was made to fail."""
    _numbers: Iterator[int] = field(default_factory=count)

    def disturb(self, share: float, *, seed: int, kinds: tuple[Fault, ...] = tuple(Fault)) -> None:
        """Let this share of the requests fail from now on, counted anew."""
        self.share, self.seed, self.kinds = share, seed, kinds
        self.requests, self._numbers = 0, count()
        self.injected.clear()
        self.failed.clear()

    def _next(self, line: str) -> tuple[Fault | None, bool]:
        """Choose a request's fate by the seed and its number: its fault, and whether that comes late."""
        number = next(self._numbers)
        self.requests += 1
        chance = random.Random(f"{self.seed} {number}")
        if chance.random() >= self.share:
            return None, False
        fault = chance.choice(self.kinds)
        self.injected[fault] += 1
        self.failed.append(f"{number} {line} {fault}")
        return fault, chance.random() < 0.5

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):  # cancelled at the end
            while await self._answer(reader, writer):
                pass
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; tell whether the connection is good for another."""
        line, headers = _parsed(await reader.readuntil(_END))
        if "expect" in headers:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = b"".join([part async for part in _body(reader, headers)])
        fault, late = self._next(line)
        if fault in _SAID:
            return await _refuse(writer, fault, head_only=line.startswith("HEAD"))
        if fault is Fault.RESET:
            return _reset(writer)
        if fault is Fault.STALL and not late:
            return await _stall(reader)
        async with _asked(self.upstream, line, headers, body) as server:
            return await _pass_on(server, reader, writer, head_only=line.startswith("HEAD"), fault=fault)


@contextlib.contextmanager
def faulty_proxy(upstream: str) -> Iterator[FaultyProxy]:
    """Run a proxy to the server at ``upstream`` (``http://host:port``) on a free port of 127.0.0.1; no faults yet."""
    host, port = upstream.removeprefix("http://").split(":")
    proxy = FaultyProxy((host, int(port)))
    up: queue.SimpleQueue[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = queue.SimpleQueue()

    async def listen() -> None:
        ended = asyncio.Event()
        server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=1 << 20)
        proxy.endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        up.put((asyncio.get_running_loop(), ended))
        await ended.wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(listen()), daemon=True)
    thread.start()
    loop, ended = up.get()
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()


def _parsed(head: bytes) -> tuple[str, dict[str, str]]:
    """Split a head into its first line and its fields; their names become small letters, which HTTP allows."""
    line, *fields = head[: -len(_END)].decode("latin-1").split("\r\n")
    pairs = (each.split(":", 1) for each in fields)
    return line, {name.strip().lower(): value.strip() for name, value in pairs}


def _written(line: str, headers: dict[str, str]) -> bytes:
    return "\r\n".join([line, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode(
        "latin-1"
    )


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> AsyncIterator[bytes]:
    """Yield a body as it comes over the wire, the frames of its chunks included."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        size = 1
        while size:
            frame = await reader.readuntil(b"\r\n")
            size = int(frame.split(b";")[0], 16)
            yield frame
            if size:
                yield await reader.readexactly(size + 2)
        while (trailer := await reader.readuntil(b"\r\n")) != b"\r\n":
            yield trailer
        yield b"\r\n"
        return
    left = int(headers.get("content-length", "0"))
    while left:
        part = await reader.read(min(left, _AT_ONCE))
        if not part:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(part)
        yield part


@contextlib.asynccontextmanager
async def _asked(
    upstream: tuple[str, int], line: str, headers: dict[str, str], body: bytes
) -> AsyncIterator[asyncio.StreamReader]:
    """Put a request to the server, on a connection of its own."""
    server, to_server = await asyncio.open_connection(*upstream, limit=1 << 20)
    try:
        passed = {name: value for name, value in headers.items() if name not in ("connection", "expect")}
        to_server.write(_written(line, passed | {"connection": "close"}) + body)
        await to_server.drain()
        yield server
    finally:
        to_server.close()


async def _pass_on(
    server: asyncio.StreamReader,
    client: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    *,
    head_only: bool,
    fault: Fault | None,
) -> bool:
    """Give the server's answer back: all of it, or what the fault leaves."""
    line, headers = _parsed(await server.readuntil(_END))
    headers.pop("connection", None)
    empty = head_only or line.split()[1] in ("204", "304")
    head, parts = _written(line, headers), [] if empty else [part async for part in _body(server, headers)]
    if fault is None:
        writer.write(head + b"".join(parts))
        await writer.drain()
        return True
    body = b"".join(parts)
    # Of an answer without a body half of the head: the request was done, and nobody hears of it.
    writer.write(head + body[: len(body) // 2] if body else head[: len(head) // 2])
    await writer.drain()
    return await _stall(client) if fault is Fault.STALL else False


async def _refuse(writer: asyncio.StreamWriter, fault: Fault, *, head_only: bool) -> bool:
    status, code = _SAID[fault]
    said = b"" if head_only else f"<Error><Code>{code}</Code><Message>injected</Message></Error>".encode()
    headers = {"content-type": "application/xml", "content-length": str(len(said))}
    writer.write(_written(f"HTTP/1.1 {status}", headers) + said)
    await writer.drain()
    return True


def _reset(writer: asyncio.StreamWriter) -> bool:
    """Close so that the other side hears of a reset, not of an end."""
    linger_not = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
    writer.transport.abort()
    return False


async def _stall(client: asyncio.StreamReader) -> bool:
    """Say nothing more until the client has had enough."""
    await client.read()
    return False
