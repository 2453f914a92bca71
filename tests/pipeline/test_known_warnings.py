"""Warnings are silenced while a call lasts, whatever other threads and `catch_warnings` do meanwhile."""

import threading
import warnings
from typing import Literal

import pytest

from pipeline.known_warnings import silenced


class Known(UserWarning):
    """One that somebody has an answer to."""


def test_it_is_silent_inside_and_nothing_stays_outside() -> None:
    before = list(warnings.filters)
    with silenced(Known, "as .* said"):
        warnings.warn("as is said", Known, stacklevel=1)
        with pytest.raises(Known, match="another"):
            warnings.warn("another", Known, stacklevel=1)
        with pytest.raises(UserWarning, match="as is said"):
            warnings.warn("as is said", UserWarning, stacklevel=1)
    assert warnings.filters == before
    with pytest.raises(Known):
        warnings.warn("as is said", Known, stacklevel=1)


def test_threads_that_overlap_leave_each_other_silent() -> None:
    """The first to come goes first: `catch_warnings` would take the other's filters with it."""
    entered, left = threading.Event(), threading.Event()

    def first() -> None:
        with silenced(Known):
            entered.set()
            left.wait(10)

    before = list(warnings.filters)
    thread = threading.Thread(target=first)
    thread.start()
    assert entered.wait(10)
    with silenced(Known):
        left.set()
        thread.join()
        warnings.warn("known", Known, stacklevel=1)
    assert warnings.filters == before


def test_it_is_silent_where_filters_were_put_back_meanwhile() -> None:
    """As between two tests, while a thread of the first is still at it."""
    with silenced(Known):
        with warnings.catch_warnings():
            warnings.resetwarnings()
            warnings.simplefilter("error")
            with silenced(Known):
                warnings.warn("known", Known, stacklevel=1)
        warnings.warn("known", Known, stacklevel=1)


@pytest.mark.parametrize("action", ["ignore", "error"])
def test_what_others_filter_stays_and_where_it_is(action: Literal["ignore", "error"]) -> None:
    warnings.simplefilter(action, Known)
    warnings.simplefilter("always", BytesWarning)
    before = list(warnings.filters)
    with silenced(Known):
        warnings.warn("known", Known, stacklevel=1)
    assert warnings.filters == before
