"""An end to calls of GDAL that never come back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pipeline.errors import RasterError
from pipeline.storage import deadline

T = TypeVar("T")


def within(timeout_s: float | int, call: Callable[[], T], *, doing: str) -> T:
    """Return what ``call`` gives, made in another thread.

    It has no end where GDAL keeps the interpreter to itself, as it does while it opens a file: see
    ``flow.watch.deadline``.

    Raises:
        RasterError: there was no result after ``timeout_s``.
    """
    late = RasterError(f"{doing} took more than {timeout_s:g} s and was given up: see read_timeout_s")
    return deadline.within(timeout_s, call, late=late)
