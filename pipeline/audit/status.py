"""How far an output is: told from names alone, however many windows it has, and from any machine.

One listing of the ledger gives what is done and what was planned of each scene, one of the failures what failed;
nothing is opened but some of the failures, for their reasons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.output import Output, failures, offsets_of, plan_of
from pipeline.output.failures import Noted
from pipeline.storage import objects

REASONS = 1000
"""So many scenes, the first of the unfinished ones, are told with their reason."""


@dataclass(slots=True)
class SceneStatus:
    """How many windows of a scene there are, are done, and failed when they were last tried.

    ``planned`` is 0 for a scene that could not be opened yet, ``failed_whole`` says that it failed as such; ``reason``
    is why, or why a window failed: of the first ``REASONS`` scenes, as each has to be read.
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
    noted = failures.listed(output)  # first: what is done meanwhile has not failed
    scenes: dict[str, SceneStatus] = {}
    done: dict[str, set[tuple[int, int] | None]] = {scene_id: set() for scene_id in noted}
    changed_s = None
    for listed in objects.list_all(output.ledger):
        scene_id, _, name = listed.path.partition("/")
        scene = scenes.setdefault(scene_id, SceneStatus(scene_id))
        if (offsets := offsets_of(name)) is not None:
            scene.done += 1
            if scene_id in done:
                done[scene_id].add(offsets)
        elif (plan := plan_of(name)) is not None:
            scene.planned = plan.windows
        changed_s = max(changed_s or 0.0, listed.written_s)
    standing = {
        scene_id: [each for each in of_scene if each.offsets not in done[scene_id]]
        for scene_id, of_scene in noted.items()
    }
    _add_failures(scenes, standing)
    found = OutputStatus(scenes, changed_s)
    _add_reasons(output, found, standing)
    return found


def _add_failures(scenes: dict[str, SceneStatus], standing: Mapping[str, Sequence[Noted]]) -> None:
    """Count what failed by scene."""
    for scene_id, noted in standing.items():
        if noted:
            scene = scenes.setdefault(scene_id, SceneStatus(scene_id))
            scene.failed = sum(each.offsets is not None for each in noted)
            scene.failed_whole = scene.failed < len(noted)


def _add_reasons(output: Output, found: OutputStatus, standing: Mapping[str, Sequence[Noted]]) -> None:
    """Read why scenes, or the first of their windows, failed: of the first scenes."""
    some = [scene.scene_id for scene in found.unfinished() if scene.has_failed][:REASONS]
    firsts = [
        min(standing[scene_id], key=lambda each: (each.offsets or (-1, -1), each.name)) for scene_id in some
    ]
    for noted, failure in failures.read(output, firsts):
        found.scenes[noted.scene_id].reason = failure.message
