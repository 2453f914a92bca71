"""How a scene is read, from two objects that hold it: the name of one is the digest of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline import ledger, objects
from pipeline.documents import json_of
from pipeline.ledger import Plan
from pipeline.output import inputs_path, ledger_path, statistics_path
from pipeline.verification.findings import Finding, Kind
from pipeline.view import View


@dataclass(frozen=True, slots=True)
class Known:
    """A scene's view, None where nothing tells it, its plan, and what is wrong with the two objects."""

    view: View | None
    plan: Plan | None
    findings: tuple[Finding, ...]


def known(output: str, scene_id: str, plans: Sequence[Plan]) -> Known:
    """Return how the scene is read; of two objects that differ the one of the right digest is believed.

    Raises:
        PipelineError: the storage refused.
    """
    at = inputs_path(scene_id)
    note = _content(output, at)
    if not plans:
        return _unplanned(output, scene_id, at, note)
    plan = plans[0]
    copy_at = f"{ledger_path(scene_id)}/{plan.name}"
    contents = {at: note, copy_at: _content(output, copy_at)}
    right = next((data for data in contents.values() if _is_of(data, plan)), None)
    if right is None:
        message = "neither it nor its copy in the ledger is what it was: the scene is done anew"
        lost = Finding(kind="altered", path=at, message=message, scene_id=scene_id, whole_scene=True)
        return Known(None, plan, (lost,))
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
    return Known(_view(right), plan, tuple(found))


def _unplanned(output: str, scene_id: str, at: str, note: bytes | None) -> Known:
    """Believe what is noted of a scene without a plan, which the next run then writes."""
    view = None if note is None else _view(note)
    if view is None:
        message = "there is no plan of the scene that could tell what it was: the scene is done anew"
        kind: Kind = "missing" if note is None else "altered"
        lost = Finding(kind=kind, path=at, message=message, scene_id=scene_id, whole_scene=True)
        return Known(None, None, (lost,) if ledger.done(output, scene_id) or note is not None else ())
    missing = Finding(
        kind="missing",
        path=f"{ledger_path(scene_id)}/plan-*.json",
        message="the next run writes it",
        scene_id=scene_id,
        remove=(statistics_path(scene_id),),
    )
    return Known(view, None, (missing,) if ledger.done(output, scene_id) else ())


def _content(output: str, path: str) -> bytes | None:
    try:
        return objects.get_bytes(objects.join(output, path), limit_bytes=objects.OWN_BYTES)
    except FileNotFoundError:
        return None


def _is_of(data: bytes | None, plan: Plan) -> bool:
    return data is not None and ledger.inputs_digest(data) == plan.inputs_digest


def _view(note: bytes) -> View | None:
    try:
        return View.from_values(json_of(note)["view"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
