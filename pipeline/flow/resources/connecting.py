"""The cluster of a run: is there one to join, does it answer, and if there is none, can one be started here."""

from __future__ import annotations

import os
import re
import socket
import tempfile
import time
from pathlib import Path

from pipeline.errors import ConfigError, PipelineError
from pipeline.flow.ray_quirks import longest_folder_bytes

_ANSWER_S = 30.0  # Ray itself waits ten minutes for a cluster that is gone
_TRY_S, _PAUSE_S = 5.0, 1.0
# How a client of HTTP/2, which Ray's servers speak, begins, and the frame that the server has to begin with.
_HELLO, _SETTINGS = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 4
_HOST_PORT = re.compile(r"(?:ray://)?\[?(?P<host>[^\[\]/]+?)\]?:(?P<port>\d{1,5})")


def check_cluster() -> None:
    """Check that the cluster that Ray would join answers, or that Ray can start one in its folder.

    Raises:
        ConfigError: RAY_ADDRESS is no address, or the folder is none that Ray can use.
        PipelineError: nobody answers there.
    """
    address, said_by = _address()
    if address in {"", "local"}:
        _check_folder()
    elif address != "auto":
        _check_answers(address, said_by)


def reason_of(error: Exception) -> str:
    """Return the line of an error of Ray that says what is wrong: around it are its stack and advice."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _address() -> tuple[str, str]:
    """Return where Ray would look for a cluster, and what says so."""
    given = os.environ.get("RAY_ADDRESS", "")
    if given not in {"", "auto"}:
        return given, f"RAY_ADDRESS={given}"
    noted = _folder() / "ray" / "ray_current_cluster"  # written by `ray start`
    try:
        return noted.read_text(encoding="utf-8").strip(), str(noted)
    except (OSError, UnicodeDecodeError):
        return given, f"RAY_ADDRESS={given}"


def _check_answers(address: str, said_by: str) -> None:
    found = _HOST_PORT.fullmatch(address)
    if found is None or not 0 < int(found["port"]) < 2**16:
        raise ConfigError(
            f"RAY_ADDRESS must be host:port, ray://host:port, auto or local, got {address}: mend or unset it"
        )
    deadline_s = time.monotonic() + _ANSWER_S
    while True:
        left_s = deadline_s - time.monotonic()
        try:
            return _greet(found["host"], int(found["port"]), limit_s=max(1.0, min(_TRY_S, left_s)))
        except OSError as error:
            if left_s < _PAUSE_S:
                instead = "unset RAY_ADDRESS" if said_by.startswith("RAY_ADDRESS") else f"remove {said_by}"
                raise PipelineError(
                    f"cannot join the cluster of {said_by}: no Ray has answered there for {_ANSWER_S:.0f} s ({error}). "
                    f"Start it, or {instead} to run on this machine alone; what is done stays done"
                ) from error
            time.sleep(_PAUSE_S)


def _greet(host: str, port: int, *, limit_s: float | int) -> None:
    """Say hello to a server of Ray.

    Raises:
        OSError: nobody answers in time, or what does is no Ray.
    """
    with socket.create_connection((host, port), limit_s) as connection:
        if os.environ.get("RAY_USE_TLS", "0").lower() in {"1", "true"}:
            return  # it would not answer in the clear
        connection.sendall(_HELLO)
        answer = connection.recv(9)  # a frame's head: three bytes of length, then its kind
    if len(answer) < 4 or answer[3] != _SETTINGS:  # noqa: PLR2004 - see above
        raise ConnectionError(f"what answers there, {answer!r}, is no server of Ray")


def _folder() -> Path:
    """Return the folder that Ray puts its own into."""
    return Path(os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp")  # noqa: S108 - Ray's own default


def _check_folder() -> None:
    """Check that Ray can keep its sockets and its logs in its folder."""
    folder = _folder().absolute()
    most = longest_folder_bytes()
    if len(os.fsencode(folder)) > most:
        raise ConfigError(
            f"the folder of Ray (RAY_TMPDIR, else TMPDIR) may have a path of at most {most} bytes, as sockets lie "
            f"below it, got {folder}: set RAY_TMPDIR to a shorter one, such as /tmp"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(
            f"the folder of Ray (RAY_TMPDIR, else TMPDIR) cannot be written to: {error}. Set RAY_TMPDIR to another"
        ) from error
