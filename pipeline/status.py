"""How far an output is: told from names alone, however many windows it has, and from any machine.

One listing of the ledger gives what is done and what was planned of each scene; nothing is opened but the table of
failures.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import pyarrow.parquet as pq

from pipeline import objects
from pipeline.output import Output, place_of, plan_of


@dataclass(slots=True)
class SceneStatus:
    """How many windows of a scene there are, are done, and failed when they were last tried.

    ``planned`` is 0 for a scene that could not be opened yet, ``failed_whole`` says that it failed as such; ``reason``
    is why, or why a window failed.
    """

    scene_id: str
    planned: int = 0
    done: int = 0
    failed: int = 0
    failed_whole: bool = False
    reason: str | None = None

    @property
    def left(self) -> int:
        """Windows that are still to do, those that failed among them."""
        return max(0, self.planned - self.done)

    @property
    def has_failed(self) -> bool:
        """Whether it, or a window of it, failed."""
        return self.failed_whole or self.failed > 0


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
        """Windows that failed when they were last tried."""
        return sum(scene.failed for scene in self.scenes.values())

    @property
    def scenes_failed(self) -> int:
        """Scenes that failed whole."""
        return sum(scene.failed_whole for scene in self.scenes.values())

    @property
    def left(self) -> int:
        """Windows that are still to do, those that failed among them."""
        return sum(scene.left for scene in self.scenes.values())

    def unfinished(self) -> list[SceneStatus]:
        """Return the scenes of which something is left or failed, the most first."""
        some = (scene for scene in self.scenes.values() if scene.left or scene.has_failed)
        return sorted(
            some, key=lambda scene: (-scene.failed_whole, -scene.failed, -scene.left, scene.scene_id)
        )

    def asked_for(self) -> OutputStatus:
        """Return the status without scenes that are neither done nor failed, though all that were asked for were tried.

        They are of an earlier list.
        """
        kept = {key: scene for key, scene in self.scenes.items() if scene.has_failed or not scene.left}
        return OutputStatus(kept, self.changed_s)


def status(output: Output) -> OutputStatus:
    """Return how far ``output`` is.

    Raises:
        PipelineError: the storage refused.
    """
    scenes: dict[str, SceneStatus] = {}
    changed_s = None
    for listed in objects.list_all(output.ledger):
        scene_id, _, name = listed.path.partition("/")
        scene = scenes.setdefault(scene_id, SceneStatus(scene_id))
        if place_of(name) is not None:
            scene.done += 1
        elif (plan := plan_of(name)) is not None:
            scene.planned = plan.windows
        changed_s = max(changed_s or 0.0, listed.written_s)
    _add_failures(output, scenes)
    return OutputStatus(scenes, changed_s)


def _add_failures(output: Output, scenes: dict[str, SceneStatus]) -> None:
    """Count what the table of failures holds by scene."""
    try:
        table = pq.ParquetFile(io.BytesIO(objects.get_bytes(output.failures)))
    except FileNotFoundError:
        return
    for batch in table.iter_batches(columns=["scene_id", "row_off", "message"]):
        for row in batch.to_pylist():
            scene = scenes.setdefault(row["scene_id"], SceneStatus(row["scene_id"]))
            scene.failed += row["row_off"] is not None
            scene.failed_whole |= row["row_off"] is None
            scene.reason = scene.reason or row["message"]
