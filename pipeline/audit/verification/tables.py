"""Tables that are functions of the ledger: rebuilt they must be the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from pipeline.audit.verification.findings import Finding, Kind
from pipeline.output import Output
from pipeline.statistics import PartWriter, listings_of
from pipeline.storage import objects
from pipeline.storage.location import Location


@runtime_checkable
class Reported(Protocol):
    """Whatever findings and stale tables are added to."""

    stale: list[str]
    findings: list[Finding]


def check_table(
    output: Output,
    table: Location,
    rebuilt: bytes,
    report: Reported,
    *,
    finished: bool,
    is_stale: Callable[[bytes], bool] = lambda _: True,
) -> None:
    """Compare a table with the same ``rebuilt``.

    One that is missing, or of which ``is_stale`` tells that it is of an earlier ledger, is stale where no run has
    finished since, else a fault.

    Raises:
        PipelineError: the storage refused.
    """
    path = output.path_of(table)
    try:
        content = objects.get_bytes(table)
    except FileNotFoundError:
        content = None
    if content == rebuilt:
        return
    if not finished and (content is None or is_stale(content)):
        report.stale.append(path)
        return
    kind: Kind = "missing" if content is None else "altered"
    report.findings.append(Finding(kind=kind, path=path, message="not what the ledger gives", remove=(path,)))


def check_part(
    output: Output, table: Location, part: PartWriter, report: Reported, *, finished: bool
) -> None:
    """Compare a part of the statistics with the same that was written again, see ``check_table``.

    Raises:
        PipelineError: the storage refused.
    """
    rebuilt = part.content()
    wanted = listings_of(rebuilt)

    def is_stale(content: bytes) -> bool:
        return listings_of(content) not in (None, wanted)

    check_table(output, table, rebuilt, report, finished=finished, is_stale=is_stale)
