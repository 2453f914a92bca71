"""What is wrong with an output, and what has to go so that a run makes it anew."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline import store
from pipeline.geometry.aoi import Aoi
from pipeline.output import Output, inputs
from pipeline.storage import objects

Kind = Literal["missing", "altered", "extra", "leftover"]
"""Leftovers are what a killed writer left half written; they harm nobody."""

_LEFTOVER = re.compile(r"\..+\.[0-9a-f]{32}|.+\.partial")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What made an output, as far as it decides what the output holds."""

    classes: Sequence[str]
    window_px: int
    chunk_px: int
    contents: store.Contents = store.PIXELS_ALONE
    colors: Sequence[str] | None = None
    aoi: Aoi | None = None
    made_by: Mapping[str, Any] = field(default_factory=dict)
    """What each mask store says of the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An object that is not as it should be.

    ``path`` is below the output. ``remove`` are the objects that have to go for a run to make it anew, in this order;
    ``restore`` is the content that it has to have, where that is known; ``whole_scene``: nothing of the scene can be
    told to be right. An object that is not ours has none of these.
    """

    kind: Kind
    path: str
    message: str
    scene_id: str | None = None
    remove: tuple[str, ...] = ()
    restore: bytes | None = field(default=None, repr=False)
    whole_scene: bool = False

    @property
    def is_ours(self) -> bool:
        """Tell whether ``forget`` sees to it."""
        return bool(self.remove) or self.restore is not None or self.whole_scene


@dataclass(slots=True)
class Report:
    """What was checked and found.

    ``left`` are windows to do, ``uncommitted`` chunks of such windows, and ``stale`` tables that the next run writes
    anew: a run that was stopped leaves all of these, and none is a fault.
    """

    scenes: int = 0
    windows: int = 0
    left: int = 0
    uncommitted: int = 0
    stale: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def stray(path: str, *, scene_id: str | None = None, ours: bool = False) -> Finding:
    """Return the finding of an object that no run writes, or that one was writing when it was killed."""
    if _LEFTOVER.fullmatch(path.rpartition("/")[2]):
        return Finding(
            kind="leftover",
            path=path,
            message="half written by a killed run",
            scene_id=scene_id,
            remove=(path,),
        )
    remove = (path,) if ours else ()
    return Finding(kind="extra", path=path, message="no run writes it", scene_id=scene_id, remove=remove)


def forget(output: Output, findings: Iterable[Finding]) -> None:
    """Remove or restore what was found, so that a run makes it anew; done twice it changes nothing.

    The statistics of a scene go with anything of it, and so do the note of its overviews and the summary; its masks are
    no longer complete.

    Raises:
        PipelineError: the storage refused.
    """
    ours = [finding for finding in findings if finding.is_ours]
    lost = {finding.scene_id for finding in ours if finding.whole_scene}
    for scene_id in sorted(each for each in lost if each is not None):
        inputs.remove_scene(output.scene(scene_id))
    for finding in ours:
        if finding.scene_id is None or finding.scene_id not in lost:
            for path in finding.remove:
                objects.remove(output.at(path), below=output.location)
            if finding.restore is not None:
                objects.put_bytes(output.at(finding.path), finding.restore)
    for scene_id in {finding.scene_id for finding in ours if finding.scene_id is not None}:
        scene = output.scene(scene_id)
        store.mark(scene, complete=False)
        objects.remove(scene.statistics, below=output.location)
        objects.remove(scene.overviews, below=output.location)
    if ours:
        objects.remove(output.summary)
        objects.remove(output.items)
