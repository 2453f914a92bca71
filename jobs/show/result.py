"""What a run came to, for a terminal."""

import sys
from typing import TYPE_CHECKING

from jobs.show.table import duration
from pipeline.output import Output

if TYPE_CHECKING:  # Ray takes longer to import than most verbs to run
    from pipeline.flow import RunResult

LISTED_FAILURES = 20


def say_result(output: Output, result: "RunResult", *, took_s: float) -> None:
    """Say how much was done and failed, and what was made where; what failed goes to stderr."""
    print(
        f"\nwindows: {result.windows_done} done, {result.windows_skipped} done before, in {duration(took_s)}"
    )
    print(f"failed:  {_failed(result)}\nmasks:   {output.scenes}")
    print(f"summary: {output.summary}")
    if result.failures:
        print(f"failures: {output.failures}", file=sys.stderr)
        _say_failures(result)


def _failed(result: "RunResult") -> str:
    """Say how much failed: windows, and scenes whose windows nobody knows."""
    counts = (("window", result.windows_failed), ("scene", result.scenes_failed))
    return ", ".join(f"{n} {name}{'s' if n > 1 else ''}" for name, n in counts if n) or "nothing"


def _say_failures(result: "RunResult") -> None:
    listed = result.failures[:LISTED_FAILURES]
    for failure in listed:
        print(f"  {failure}", file=sys.stderr)
    if result.failures_in_all > len(listed):
        print(f"  and {result.failures_in_all - len(listed)} more", file=sys.stderr)
