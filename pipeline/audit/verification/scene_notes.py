"""How a scene is read, from two objects that hold it: the name of one is the digest of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.audit.verification.findings import Finding, Kind
from pipeline.geometry.view import View
from pipeline.output import Plan, SceneOutput, ledger
from pipeline.storage import objects
from pipeline.storage.documents import json_of
from pipeline.storage.location import Location


@dataclass(frozen=True, slots=True)
class SceneNote:
    """A scene's view, None where nothing tells it, its plan, and what is wrong with the two objects."""

    view: View | None
    plan: Plan | None
    findings: tuple[Finding, ...]


def read_scene_note(scene: SceneOutput, plans: Sequence[Plan]) -> SceneNote:
    """Return how the scene is read; of two objects that differ the one of the right digest is believed.

    Raises:
        PipelineError: the storage refused.
    """
    scene_id, path_of = scene.scene_id, scene.output.path_of
    note = _content(scene.inputs)
    if not plans:
        return _unplanned(scene, note)
    plan, at = plans[0], path_of(scene.inputs)
    copy = scene.plan(plan)
    contents = {at: note, path_of(copy): _content(copy)}
    right = next((data for data in contents.values() if _is_of(data, plan)), None)
    if right is None:
        message = "neither it nor its copy in the ledger is what it was: the scene is done anew"
        lost = Finding(kind="altered", path=at, message=message, scene_id=scene_id, whole_scene=True)
        return SceneNote(None, plan, (lost,))
    found = [
        Finding(
            kind="missing" if data is None else "altered",
            path=path,
            message="its copy is as it was",
            scene_id=scene_id,
            restore=right,
        )
        for path, data in contents.items()
        if not _is_of(data, plan)
    ]
    return SceneNote(_view(right), plan, tuple(found))


def _unplanned(scene: SceneOutput, note: bytes | None) -> SceneNote:
    """Believe what is noted of a scene without a plan, which the next run then writes."""
    view = None if note is None else _view(note)
    scene_id, path_of = scene.scene_id, scene.output.path_of
    if view is None:
        message = "there is no plan of the scene that could tell what it was: the scene is done anew"
        kind: Kind = "missing" if note is None else "altered"
        lost = Finding(
            kind=kind, path=path_of(scene.inputs), message=message, scene_id=scene_id, whole_scene=True
        )
        return SceneNote(None, None, (lost,) if ledger.done(scene) or note is not None else ())
    missing = Finding(
        kind="missing",
        path=f"{path_of(scene.ledger)}/plan-*.json",
        message="the next run writes it",
        scene_id=scene_id,
        remove=(path_of(scene.statistics),),
    )
    return SceneNote(view, None, (missing,) if ledger.done(scene) else ())


def _content(location: Location) -> bytes | None:
    try:
        return objects.get_bytes(location, limit_bytes=objects.OWN_BYTES)
    except FileNotFoundError:
        return None


def _is_of(data: bytes | None, plan: Plan) -> bool:
    return data is not None and ledger.inputs_digest(data) == plan.inputs_digest


def _view(note: bytes) -> View | None:
    try:
        return View.from_values(json_of(note)["view"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
