"""What failed, as a value and as JSON: a window, a scene, or what a scene list names and is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from pipeline.redact import redacted
from pipeline.storage.documents import json_of

PLAN_STAGE = "plan"
REFUSED = "Refusal"
"""The error of what a list names and no scene can be made of."""
DAMAGED = "Damaged"
"""The error of what nobody knows any more: the object cannot be understood."""

_TEXTS, _NUMBERS = ("scene_id", "uri", "error", "message"), ("row_off", "col_off", "height", "width")
_MORE = ("traceback", "stage", "run_id", "failed_at")
_KINDS = dict.fromkeys(_TEXTS, str) | dict.fromkeys(_NUMBERS, int | None) | dict.fromkeys(_MORE, str | None)
_SHOWN = ("uri", "message", "traceback")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A window that could not be done, or a whole scene: then the rectangle is None.

    ``error`` is the error's class, ``message`` what it says to the user, and ``traceback`` where it was raised, if
    anywhere; ``stage`` is the step that failed, of the run ``run_id``, at ``failed_at`` (UTC, as in ISO 8601). None
    of them holds credentials, nor does ``uri``, and all can be written as UTF-8.
    """

    scene_id: str
    uri: str
    row_off: int | None = None
    col_off: int | None = None
    height: int | None = None
    width: int | None = None
    error: str
    message: str
    traceback: str | None = None
    stage: str | None = None
    run_id: str | None = None
    failed_at: str | None = None

    def __post_init__(self) -> None:
        for name in _KINDS:
            value = _checked(name, getattr(self, name))
            if isinstance(value, str) and name in _SHOWN:
                object.__setattr__(self, name, redacted(_encodable(value)))

    @property
    def offsets(self) -> tuple[int, int] | None:
        """``(row_off, col_off)`` of the window, None of a whole scene."""
        return None if self.row_off is None or self.col_off is None else (self.row_off, self.col_off)

    @property
    def identity(self) -> object:
        """What tells the failures of a scene apart: parts of its plan that fail alike are one failure."""
        return self.offsets or (self.error if self.stage == PLAN_STAGE else self.message)

    def __str__(self) -> str:
        """Return one line for a terminal: what failed, where, and why."""
        where = ""
        if self.row_off is not None:
            where = f" (window at row {self.row_off}, column {self.col_off}, {self.height} x {self.width} px)"
        message = " ".join(self.message.split()) or self.error
        # Most messages of ours name the file themselves.
        return message if not where and self.uri in message else f"{self.uri}{where}: {message}"


def to_bytes(failure: Failure) -> bytes:
    """Return the content of a failure's object: equal failures give equal bytes."""
    return (json.dumps(asdict(failure), sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def parsed(content: bytes) -> Failure:
    """Read the content of a failure's object.

    What was left out when it was born is not looked for again: in 100,000 tracebacks that would take minutes.

    Raises:
        ValueError: it is none.
    """
    try:
        return _restored(json_of(content))
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(repr(error)) from error


def _restored(values: Mapping[str, object]) -> Failure:
    unknown = sorted(values.keys() - _KINDS.keys())
    if unknown:
        raise TypeError(f"nothing of a failure is called {unknown}")
    failure = object.__new__(Failure)
    for name in _KINDS:
        object.__setattr__(failure, name, _checked(name, values.get(name)))
    return failure


def _checked(name: str, value: object) -> object:
    if not isinstance(value, _KINDS[name]):
        raise TypeError(f"{name} of a failure must be {_KINDS[name]}, got {value!r}")
    return value


def _encodable(text: str) -> str:
    """Return a text that can be written: names of files may hold bytes that are no text."""
    return text.encode("utf-8", "backslashreplace").decode()
