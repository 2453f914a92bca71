"""How far an output is: told from names alone, however many windows it has, and from any machine.

One listing of the ledger gives what is done and what was planned of each scene; nothing is opened but the table of
failures.
"""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass

import pyarrow.parquet as pq

from pipeline import ledger, objects
from pipeline.output import FAILURES


@dataclass(slots=True)
class SceneStatus:
    """How many windows of a scene there are, are done, and failed in the last run that ended.

    ``planned`` is 0 for a scene that could not be opened yet; ``reason`` is why, or why a window failed.
    """

    scene_id: str
    planned: int = 0
    done: int = 0
    failed: int = 0
    reason: str | None = None

    @property
    def left(self) -> int:
        """Windows that are still to do, those that failed among them."""
        return max(0, self.planned - self.done)


@dataclass(frozen=True, slots=True)
class OutputStatus:
    """The scenes of an output, by id, and when something was last done in seconds of the storage's clock."""

    scenes: dict[str, SceneStatus]
    changed_s: float | None

    @property
    def planned(self) -> int:
        """Windows of all scenes that were planned until now."""
        return sum(max(scene.planned, scene.done) for scene in self.scenes.values())

    @property
    def done(self) -> int:
        """Windows that are done."""
        return sum(scene.done for scene in self.scenes.values())

    @property
    def failed(self) -> int:
        """Windows that failed in the last run that ended, and scenes that failed whole."""
        return sum(scene.failed for scene in self.scenes.values())

    @property
    def left(self) -> int:
        """Windows that are still to do, those that failed among them."""
        return sum(scene.left for scene in self.scenes.values())

    def unfinished(self) -> list[SceneStatus]:
        """Return the scenes of which something is left or failed, the most first."""
        some = (scene for scene in self.scenes.values() if scene.left or scene.failed)
        return sorted(some, key=lambda scene: (-scene.failed, -scene.left, scene.scene_id))


def status(output: str) -> OutputStatus:
    """Return how far ``output`` is.

    Raises:
        PipelineError: the storage refused.
    """
    scenes: dict[str, SceneStatus] = {}
    changed_s = None
    for listed in objects.list_all(objects.join(output, "ledger")):
        scene_id, _, name = listed.path.partition("/")
        scene = scenes.setdefault(scene_id, SceneStatus(scene_id))
        if ledger.place_of(name) is not None:
            scene.done += 1
        elif (plan := ledger.plan_of(name)) is not None:
            scene.planned = plan.windows
        changed_s = max(changed_s or 0.0, listed.written_s)
    _add_failures(output, scenes)
    return OutputStatus(scenes, changed_s)


def _add_failures(output: str, scenes: dict[str, SceneStatus]) -> None:
    """Count what the table of failures holds by scene."""
    try:
        table = pq.ParquetFile(io.BytesIO(objects.get_bytes(objects.join(output, FAILURES))))
    except FileNotFoundError:
        return
    failed: Counter[str] = Counter()
    for batch in table.iter_batches(columns=["scene_id", "message"]):
        for row in batch.to_pylist():
            failed[row["scene_id"]] += 1
            scene = scenes.setdefault(row["scene_id"], SceneStatus(row["scene_id"]))
            scene.reason = scene.reason or row["message"]
    for scene_id, count in failed.items():
        scenes[scene_id].failed = count
