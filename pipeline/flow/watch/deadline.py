"""An end to a process that hangs, also where it hangs in native code that holds the interpreter."""

from __future__ import annotations

import faulthandler
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ends_after(limit_s: float | int) -> Iterator[None]:
    """End this process with code 1 when the block takes longer; its stacks go to the worker's log.

    The clock is a thread of C: neither an exception nor a thread of Python reaches a call that never comes back.
    """
    faulthandler.dump_traceback_later(limit_s, exit=True, file=sys.__stderr__ or sys.stderr)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
