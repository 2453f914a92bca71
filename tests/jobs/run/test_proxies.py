"""A proxy that is not there, or says nothing, is one line before anything is read through it."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from jobs import inspect
from jobs.run import proxies
from jobs.run.proxies import check_proxies
from pipeline.errors import ConfigError
from pipeline.sources import SceneList, Search

REMOTE: list[str | Search] = [
    "https://example.org/a.tif",
    "s3://bucket/a.tif",
    Search("https://example.org/stac", {"collections": ["a"]}),
]


class Refusing(BaseHTTPRequestHandler):
    """A proxy that lets nobody through: it is there, and what it says is for whoever asks for more."""

    def do_CONNECT(self) -> None:
        self.send_error(403)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(proxies, "ANSWER_S", 0.5)


@pytest.fixture
def silent() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("spec", REMOTE)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_silent_proxy_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, silent: str, spec: str | Search, variable: str
) -> None:
    monkeypatch.setenv(variable, f"http://me:hunter2@{silent}")
    with pytest.raises(ConfigError, match=f"the proxy http://{silent}.*does not answer.*NO_PROXY") as raised:
        check_proxies(SceneList((spec,)))
    assert "hunter2" not in str(raised.value)


def test_a_proxy_that_is_gone_ends_inspect_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    assert inspect.main(["s3://bucket/a.tif"]) == 2
    said = capsys.readouterr().err.strip()
    assert "\n" not in said
    assert f"127.0.0.1:{port}" in said


def test_what_is_here_or_excepted_asks_no_proxy(monkeypatch: pytest.MonkeyPatch, silent: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{silent}")
    monkeypatch.setenv("NO_PROXY", "example.org,.amazonaws.com,storage.local")
    check_proxies(SceneList(("/data/a.tif", "scenes/*.tif", *REMOTE)))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://storage.local:9000")
    check_proxies(SceneList(("s3://bucket/a.tif",)))


def test_a_proxy_that_answers_anything_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.server_port}")
    check_proxies(SceneList(tuple(REMOTE)))
    server.shutdown()
    server.server_close()
