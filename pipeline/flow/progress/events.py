"""What happens in a run, a JSON line an event, where nobody watches: on stderr when it is no terminal."""

from __future__ import annotations

import json
import sys
import time
import uuid
from dataclasses import dataclass, field

from pipeline.redact import redacted

Value = str | float | int | list[str] | None


@dataclass(frozen=True, slots=True)
class Events:
    """Says events; each has the time, the run and its own name first."""

    run_id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    def say(self, event: str, **values: Value) -> None:
        """Say that something happened, with what is known of it; nothing of it is a credential."""
        if sys.stderr.isatty():
            return
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        named = {"time": now, "run_id": self.run_id, "event": event}
        told = {key: _redacted(value) for key, value in values.items() if value is not None}
        self._write(json.dumps(named | told, ensure_ascii=False))

    def warn(self, event: str, message: str, **values: Value) -> None:
        """Say what an operator should know, in words where it is a terminal that listens."""
        if sys.stderr.isatty():
            self._write(f"\nmrovseg: {redacted(message)}")
        self.say(event, message=message, **values)

    @staticmethod
    def _write(line: str) -> None:
        # One write: what workers' libraries say on the same stream cannot get into the midst of a line.
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def _redacted(value: Value) -> Value:
    if isinstance(value, list):
        return [redacted(each) for each in value]
    return redacted(value) if isinstance(value, str) else value
