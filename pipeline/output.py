"""What is where in an output: the names below OUT that a run writes, and no others."""

from __future__ import annotations

from pipeline import objects

RUN, LEASE, SUMMARY, FAILURES = "run.json", "lease.json", "summary.parquet", "failures.parquet"
FILES = (LEASE, RUN, SUMMARY, FAILURES)
FOLDERS = ("ledger", "statistics", "inputs", "scenes")
"""What is done goes first when all is removed: masks without a ledger are computed again, a ledger without is a lie."""


def masks_uri(output: str, scene_id: str) -> str:
    """Return where a scene's mask store is."""
    return objects.join(output, "scenes", scene_id, "masks.zarr")


def inputs_uri(output: str, scene_id: str) -> str:
    """Return where it is noted how a scene is read."""
    return objects.join(output, "inputs", f"{scene_id}.json")


def statistics_uri(output: str, scene_id: str) -> str:
    """Return where the statistics of a scene's windows are."""
    return objects.join(output, "statistics", f"{scene_id}.parquet")
