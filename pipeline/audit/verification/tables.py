"""Tables that are functions of the ledger: rebuilt they must be the same bytes."""

from __future__ import annotations

import io
from typing import Protocol, runtime_checkable

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.audit.verification.findings import Finding, Kind
from pipeline.output import Output
from pipeline.statistics import LISTING_KEY
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
    of_scene: tuple[str, str] | None = None,
    finished: bool,
) -> None:
    """Compare a table with the same ``rebuilt``.

    That of a scene is ``of_scene``: its id, and the listing of its ledger. One that is missing or of an earlier listing
    is stale where no run has finished since, else a fault.

    Raises:
        PipelineError: the storage refused.
    """
    path = output.path_of(table)
    scene_id, listing = of_scene or (None, None)
    try:
        content = objects.get_bytes(table)
    except FileNotFoundError:
        content = None
    if content == rebuilt:
        return
    if not finished and (
        content is None or listing is None or listing_of(content) not in {None, listing.encode()}
    ):
        report.stale.append(path)
        return
    kind: Kind = "missing" if content is None else "altered"
    report.findings.append(
        Finding(kind=kind, path=path, message="not what the ledger gives", scene_id=scene_id, remove=(path,))
    )


def listing_of(content: bytes) -> bytes | None:
    """Return of which entries a table says that it is; None where it cannot be read."""
    try:
        metadata = pq.read_schema(io.BytesIO(content)).metadata or {}
    except (pa.ArrowException, OSError):
        return None
    found: bytes | None = metadata.get(LISTING_KEY)
    return found
