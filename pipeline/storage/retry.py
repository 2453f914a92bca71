"""What is tried again and for how long: the one policy for whatever is asked of a storage.

Answers that say "not now" (429, 500, 502, 503, 504, SlowDown and the like), connections that are refused, reset or
silent, and bodies that end early pass: they are asked for again after pauses that grow and are never alike, so that a
thousand workers do not come back at once. All else is final at once: a refused key, a missing bucket, a full disk.

What is asked again must be idempotent; reading, listing and writing whole objects are.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from pipeline.storage.deadline import within

T = TypeVar("T")

PATIENCE_S = 120.0
"""How long one operation is tried again: a restart or a failover of a storage takes less."""

ANSWER_S = 120.0
"""How long all of one answer may take, of some megabytes at most: one that trickles never stalls."""

MANY_S = 6 * 3600.0
"""For what asks for any number of answers in one call."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 10.0
_SAID_FROM_S = 2.0  # shorter pauses are daily life

_STATUSES = (408, 429, 500, 502, 503, 504)
_CODES = (  # of S3 in a status of their own, or after one that says it is done
    "InternalError",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "BadDigest",  # and the next two: a body that did not arrive whole
    "IncompleteBody",
    "XAmzContentSHA256Mismatch",
)
_KINDS = (  # by name, as the clients of storages are never imported; Python's own, aiohttp's and botocore's
    "ConnectionError",
    "TimeoutError",
    "ClientConnectionError",
    "ClientPayloadError",
    "HTTPClientError",
    "IncompleteRead",
    "IncompleteReadError",
    "ResponseParserError",
)
_UNKNOWN_HOST = "ClientConnectorDNSError"  # of a link in a list; S3's own host is waited for, as an endpoint

_LOG = logging.getLogger(__name__)


def passes(error: BaseException) -> bool:
    """Tell whether a storage's error may be gone when it is asked again.

    Causes count where the error itself says nothing: clients make a missing file of a server's 503.
    """
    for cause in _causes(error):
        if type(cause).__name__ == _UNKNOWN_HOST:
            return False
        if any(kind.__name__ in _KINDS for kind in type(cause).__mro__):
            return True
        said = _verdict_of(cause)
        if said is not None:
            return said
    return False


def pauses_s(patience_s: float | None = None) -> Iterator[float]:
    """Yield how long to wait before each further attempt, until ``patience_s`` (``PATIENCE_S``) have gone."""
    patience_s = PATIENCE_S if patience_s is None else patience_s
    began_s, pause_s = time.monotonic(), _FIRST_PAUSE_S
    while time.monotonic() - began_s < patience_s:
        yield pause_s * random.uniform(0.5, 1.0)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def with_retries(call: Callable[[], T], *, answer_s: float | None = None) -> T:
    """Return what ``call`` gives, and ask again while its errors pass.

    An attempt may take ``answer_s`` (``ANSWER_S``): what asks for many things in one call is given longer.
    """
    answer_s = ANSWER_S if answer_s is None else answer_s
    for pause_s in pauses_s():
        try:
            return _in_time(call, answer_s)
        except Exception as error:
            if not passes(error):
                raise
            _warn(error, pause_s)
        time.sleep(pause_s)
    return _in_time(call, answer_s)


async def with_retries_async(call: Callable[[], Awaitable[T]]) -> T:
    """Do as ``with_retries`` does, with what is awaited."""
    for pause_s in pauses_s():
        try:
            return await asyncio.wait_for(call(), ANSWER_S)
        except Exception as error:
            if not passes(error):
                raise
            _warn(error, pause_s)
        await asyncio.sleep(pause_s)
    return await asyncio.wait_for(call(), ANSWER_S)


def _in_time(call: Callable[[], T], answer_s: float) -> T:
    return within(answer_s, call, late=TimeoutError(f"no whole answer came within {answer_s:g} s"))


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__


def _verdict_of(error: BaseException) -> bool | None:
    """Return what a server's own words (botocore's response, or a status) say of passing; None without any."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return status in _STATUSES or response.get("Error", {}).get("Code") in _CODES
    statuses = (getattr(error, name, None) for name in ("status", "status_code", "code"))
    status = next((each for each in statuses if isinstance(each, int) and each), None)
    return None if status is None else status in _STATUSES


def _warn(error: BaseException, pause_s: float) -> None:
    if pause_s >= _SAID_FROM_S:
        _LOG.warning("the storage does not answer (%s), asking it again", type(error).__name__)
