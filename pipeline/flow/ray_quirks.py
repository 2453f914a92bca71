"""What Ray does and does not promise, in one place.

Each quirk names the versions that it is known to be true of; tests/pipeline/flow/test_ray_quirks.py fails where it is
true no more. Another one cannot be here, as it has to be said before Ray is imported: see ``pipeline.flow``.
"""

from __future__ import annotations

import logging
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray.data._internal.execution.execution_callback import ExecutionCallback

_RAISED = re.compile(r"^[\w.]*(?:Error|Exception|Exit|Interrupt|Iteration|Quarantined)(?::|$)")
_STEP_FAILED = re.compile(r"^[\w.]*UserCodeException: UDF failed")
_FOR_USERS = re.compile(r"^(?:pipeline|mrovseg|ray)\.[\w.]+: ")  # their texts need no type before them
_SESSION = "/ray/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
_SOCKET_BYTES = 107  # of a socket's path, by Linux and, three fewer, by macOS


class ForgetBlocks(ExecutionCallback):
    """Lets go of the figures of blocks that are gone: else the driver holds kilobytes a window, until the run ends.

    Ray 2.60. ``DataContext.custom_execution_callback_classes`` is public, what such a class is made of is not, and no
    setting keeps the figures from being kept. Nothing here asks for Ray's statistics of a run.
    """

    def on_execution_step(self, executor: Any) -> None:  # noqa: ANN401 - its type cannot be checked at run time
        """Clear what the steps of the chain have noted since the last time."""
        for operator in executor._topology or ():  # noqa: SLF001 - Ray has no door to it
            getattr(operator, "_output_blocks_stats", []).clear()


@contextmanager
def log_in_file() -> Iterator[None]:
    """Have Ray Data's warnings and errors in its log, ray-data.log of the session, and not on the terminal.

    Ray 2.60: its handler for the terminal is the one ``StreamHandler`` of the logger ``ray.data``; below warnings the
    log would grow by 6 kB a window. It stays off the terminal where the body raised: a chain that was ended goes on in
    its thread, and would say at length that Ray is gone. The run says itself what of all that matters.
    """
    logger = logging.getLogger("ray.data")
    terminals = [each for each in logger.handlers if _is_terminal(each)]
    level = logger.level
    before = [each.level for each in terminals]
    logger.setLevel(logging.WARNING)
    for each in terminals:
        each.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
    for each, usual in zip(terminals, before, strict=True):
        each.setLevel(usual)


def _is_terminal(handler: logging.Handler) -> bool:
    return isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler)


def reason_raised(error: BaseException) -> str:
    r"""Return in one line why something of Ray failed.

    Ray 2.60: an error has the text of what was raised in a worker, its stack before it and Ray's advice around it; the
    last line that begins as Python ends a stack says why, but for one that only says that a step failed.

    >>> reason_raised(Exception("ray::step() (pid=1)\n  File x, line 1\nKeyError: 'x'\nTo retry, configure"))
    "KeyError: 'x'"
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    raised = [line for line in lines if _RAISED.match(line) and not _STEP_FAILED.match(line)] or lines
    return _FOR_USERS.sub("", raised[-1])


def longest_folder_bytes() -> int:
    """Return how long the path of the folder may be that Ray puts its own into.

    Ray 2.60: it adds the day, the time, microseconds and a process's number, and puts sockets below all this.
    """
    return _SOCKET_BYTES - len(_SESSION)


def is_worker(command_line: bytes) -> bool:
    """Tell whether the command line of a process is that of a worker. Ray 2.60: it is called after what it works on."""
    return command_line.startswith(b"ray::")


@contextmanager
def own_sigterm() -> Iterator[None]:
    """Keep the driver's handler of SIGTERM while Ray is started.

    Ray 2.60 puts its own in its place, which ends a run without a word.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit:
        signal.signal(signal.SIGTERM, before)
        signal.raise_signal(signal.SIGTERM)  # Ray's took it while it started
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
