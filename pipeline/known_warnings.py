"""Warnings that the pipeline has an answer to, silenced while a call lasts, also where threads overlap."""

from __future__ import annotations

import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_lock = threading.Lock()

_inside: Counter[Any] = Counter()
"""How many calls have asked for a filter and not ended: of the whole process, as the filters are."""


@contextmanager
def silenced(category: type[Warning], message: str = "") -> Iterator[None]:
    """Ignore warnings of ``category`` whose text begins as the regular expression ``message`` says.

    The filters of warnings are the process's. `warnings.catch_warnings` puts the whole list back that it found, so two
    threads that overlap put back each other's. Here a filter comes with the first that asks for it and goes with the
    last; the others are not touched.
    """
    with _lock:
        # In a group of its own the text is like no filter of others, which would be moved to the front and taken away.
        warnings.filterwarnings("ignore", f"(?:{message})", category)
        entry = warnings.filters[0]
        _inside[entry] += 1
    try:
        yield
    finally:
        with _lock:
            _inside[entry] -= 1
            if not _inside[entry]:
                del _inside[entry]
                with suppress(ValueError):  # whoever put another list in its place has let it go
                    warnings.filters.remove(entry)  # type: ignore[attr-defined]  # a list, whatever its stub says
