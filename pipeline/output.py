"""What is where in an output: the names below OUT that a run writes, and no others."""

from __future__ import annotations

from pipeline import objects

RUN, LEASE, SUMMARY, FAILURES = "run.json", "lease.json", "summary.parquet", "failures.parquet"
FILES = (LEASE, RUN, SUMMARY, FAILURES)
SCENES_GROUP = "scenes/zarr.json"
FOLDERS = ("ledger", "statistics", "inputs", "scenes")
"""What is done goes first when all is removed: masks without a ledger are computed again, a ledger without is a lie."""


def ledger_path(scene_id: str) -> str:
    """Return where below an output it is noted what of a scene is done."""
    return f"ledger/{scene_id}"


def masks_path(scene_id: str) -> str:
    """Return where below an output a scene's mask store is."""
    return f"scenes/{scene_id}/masks.zarr"


def inputs_path(scene_id: str) -> str:
    """Return where below an output it is noted how a scene is read."""
    return f"inputs/{scene_id}.json"


def statistics_path(scene_id: str) -> str:
    """Return where below an output the statistics of a scene's windows are."""
    return f"statistics/{scene_id}.parquet"


def ledger_uri(output: str, scene_id: str) -> str:
    """Return the uri of ``ledger_path``."""
    return objects.join(output, ledger_path(scene_id))


def masks_uri(output: str, scene_id: str) -> str:
    """Return the uri of ``masks_path``."""
    return objects.join(output, masks_path(scene_id))


def inputs_uri(output: str, scene_id: str) -> str:
    """Return the uri of ``inputs_path``."""
    return objects.join(output, inputs_path(scene_id))


def statistics_uri(output: str, scene_id: str) -> str:
    """Return the uri of ``statistics_path``."""
    return objects.join(output, statistics_path(scene_id))
