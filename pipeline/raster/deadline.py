"""An end to calls of GDAL that never come back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from pipeline.errors import RasterError

T = TypeVar("T")


def within(timeout_s: float | int, call: Callable[[], T], *, doing: str) -> T:
    """Return what ``call`` gives, run in a thread of its own.

    GDAL cannot be interrupted: a call that is given up goes on in its thread, which ends with the process.

    Raises:
        RasterError: there was no result after ``timeout_s``.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again where it belongs
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True, name=doing)
    thread.start()
    thread.join(timeout_s)
    if errors:
        raise errors[0]
    if not results:
        raise RasterError(f"{doing} took more than {timeout_s:g} s and was given up: see read_timeout_s")
    return results[0]
