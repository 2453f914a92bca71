"""An end to waiting for calls that never come back."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class _Caller:
    """A thread that makes calls, one after another."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True, name="caller").start()

    def start(self, call: Callable[[], None]) -> None:
        self._calls.put(call)

    def _run(self) -> None:
        while True:
            self._calls.get()()


# Kept between calls: GDAL has its connections to a server by thread, and a new one costs several round trips.
_IDLE: list[_Caller] = []


def within(timeout_s: float | int, call: Callable[[], T], *, late: Exception) -> T:
    """Return what ``call`` gives, made in another thread, or raise ``late`` after ``timeout_s``.

    Neither GDAL nor a client of a storage can be interrupted: a call that is given up goes on in its thread, which ends
    with the process.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    ended = threading.Event()

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again where it belongs
            errors.append(error)
        ended.set()

    try:
        caller = _IDLE.pop()
    except IndexError:
        caller = _Caller()
    caller.start(run)
    if not ended.wait(timeout_s):
        raise late
    _IDLE.append(caller)
    if errors:
        raise errors[0]
    return results[0]
