"""OUT/failures.parquet: a function of the failures that are noted, and of which of them the ledger overrides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import NamedTuple

import pyarrow as pa

from pipeline.output import Output, failures
from pipeline.output.failure import Failure
from pipeline.output.failures import Noted
from pipeline.statistics.table_writer import TableWriter
from pipeline.storage import objects

FAILURES_SCHEMA = pa.schema(
    [
        pa.field("scene_id", pa.string(), nullable=False),
        pa.field("uri", pa.string(), nullable=False),
        *((name, pa.int64()) for name in ("row_off", "col_off", "height", "width")),
        pa.field("error", pa.string(), nullable=False),
        pa.field("message", pa.string(), nullable=False),
        *((name, pa.string()) for name in ("traceback", "stage", "run_id", "failed_at")),
    ]
)
_GROUP_ROWS = 1000  # with tracebacks of 10 kB each


class FailuresTable(NamedTuple):
    """The bytes of the table, and the failures that are not in it, as they do not stand any more."""

    content: bytes
    overridden: tuple[Noted, ...]


def failures_table(
    output: Output, *, of_run: str | None = None, tell: Callable[[Noted, Failure], None] = lambda *_: None
) -> FailuresTable:
    """Return the table of what is noted: the same, whoever asks and in whatever order the failures came.

    With ``of_run`` it is what will be left once the failures of all other runs are removed. ``tell`` is called with
    each failure that stands.

    Raises:
        PipelineError: the storage refused.
    """
    listed = failures.listed(output)
    standing = failures.standing(output, listed)
    overridden = {each for scene in listed.values() for each in scene}.difference(standing)
    table = TableWriter(FAILURES_SCHEMA, group_rows=_GROUP_ROWS)
    seen: set[object] = set()
    of_scene = None
    for noted, failure in failures.read(output, standing):
        tell(noted, failure)
        if noted.scene_id != of_scene:
            of_scene, seen = noted.scene_id, set()
        if of_run not in {None, failure.run_id}:
            overridden.add(noted)
        elif failure.identity not in seen:  # parts of a plan that fail alike are one failure
            seen.add(failure.identity)
            table.add(asdict(failure))
    return FailuresTable(table.content(), tuple(overridden))


def write_failures(output: Output) -> None:
    """Write the table of what is noted.

    Raises:
        PipelineError: the storage refused.
    """
    put_failures(output, failures_table(output))


def put_failures(output: Output, table: FailuresTable) -> None:
    """Write a table.

    Raises:
        PipelineError: the storage refused.
    """
    objects.put_bytes(output.failures, table.content)
