"""A cluster that is gone, silent or none is one line in time, and so is a folder that Ray cannot use."""

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pipeline.errors import ConfigError, PipelineError
from pipeline.flow.resources import connecting
from pipeline.flow.resources.connecting import check_cluster

ANSWER_S = 1.5
SHORT = "/tmp"  # noqa: S108 - a socket's path may have 107 bytes


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_ADDRESS", "TMPDIR", "RAY_USE_TLS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RAY_TMPDIR", SHORT)
    monkeypatch.setattr(connecting, "_ANSWER_S", ANSWER_S)


@pytest.fixture
def silent() -> Iterator[str]:
    """An address where somebody listens and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def gone() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def web_server() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("kind", ["silent", "gone", "web_server"])
@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_who_does_not_answer_as_ray_does_is_named_in_time(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, kind: str, scheme: str
) -> None:
    address = scheme + request.getfixturevalue(kind)
    monkeypatch.setenv("RAY_ADDRESS", address)
    began_s = time.monotonic()
    with pytest.raises(
        PipelineError, match=rf"cannot join .*RAY_ADDRESS={address}.* unset RAY_ADDRESS"
    ) as raised:
        check_cluster()
    assert time.monotonic() - began_s < 4 * ANSWER_S
    assert "\n" not in str(raised.value)


def test_a_cluster_that_starts_meanwhile_is_joined(monkeypatch: pytest.MonkeyPatch, gone: str) -> None:
    monkeypatch.setattr(connecting, "_ANSWER_S", 20.0)
    monkeypatch.setenv("RAY_ADDRESS", gone)

    def serve() -> None:
        time.sleep(0.5)
        with socket.create_server(("127.0.0.1", int(gone.rpartition(":")[2]))) as server:
            connection, _ = server.accept()
            with connection:
                connection.recv(100)
                connection.sendall(
                    bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
                )  # RFC 9113: a server begins with SETTINGS

    server = threading.Thread(target=serve)
    server.start()
    check_cluster()
    server.join()


@pytest.mark.parametrize("address", ["nonsense", "host:port", "http://host:8265", "host:99999", "a b:1/2"])
def test_what_is_no_address_is_refused_at_once(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(ConfigError, match=r"RAY_ADDRESS must be host:port"):
        check_cluster()


@pytest.mark.parametrize("address", [None, "auto"])
def test_the_note_of_a_cluster_that_is_gone_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: str, address: str | None
) -> None:
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text(gone)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    if address:
        monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(PipelineError, match=r"cannot join .*ray_current_cluster.* remove "):
        check_cluster()


@pytest.mark.parametrize("variable", ["RAY_TMPDIR", "TMPDIR"])
def test_a_folder_too_deep_for_sockets_is_refused_with_the_most_there_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.delenv("RAY_TMPDIR")
    folder = tmp_path / ("x" * 100)
    monkeypatch.setenv(variable, str(folder))
    with pytest.raises(ConfigError, match=r"RAY_TMPDIR.* at most \d+ bytes"):
        check_cluster()
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_to_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", "/proc/1/none")
    with pytest.raises(ConfigError, match=r"RAY_TMPDIR.*/proc/1/none"):
        check_cluster()


def test_a_path_that_fits_is_one_whose_socket_has_at_most_107_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    # What Ray 2.60 puts below its folder: the day, the time, microseconds and a process's number, of at most 7 digits.
    below = "/ray/session_2026-11-29_15-23-19_865703_1234567/sockets/plasma_store"
    longest = 107 - len(below)
    for extra, fits in ((0, True), (1, False)):
        folder = Path(SHORT) / ("y" * (longest + extra - len(SHORT) - 1))
        monkeypatch.setenv("RAY_TMPDIR", str(folder))
        try:
            check_cluster()
        except ConfigError:
            assert not fits
        else:
            assert fits
            folder.rmdir()
