"""The scenes of an output whose proposals are labelled again, and what to say where something of them is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from shlex import quote

from pipeline.errors import PipelineError
from pipeline.geometry.scene import Scene
from pipeline.geometry.window import Window
from pipeline.output import Output, SceneOutput, entry_name, failures, offsets_of
from pipeline.output.failures import Noted
from pipeline.storage import objects


class ProposalsMissing(PipelineError):  # noqa: N818 - the word of the table of failures
    """The output that is labelled again has nothing of a scene or of a window, or not yet."""


@dataclass(frozen=True, slots=True)
class KeptScenes:
    """The scenes of ``source``, those that failed there too, or of these the ``chosen`` ones, by id.

    Iterating lists them anew. The uri of each is that of its mask store there, which is what is read.
    """

    source: Output
    chosen: frozenset[str] | None = None

    def __iter__(self) -> Iterator[Scene]:
        """Yield the scenes, sorted by their ids."""
        for scene_id in failures.begun_scenes(self.source):
            if self.chosen is None or scene_id in self.chosen:
                yield Scene(scene_id, self.source.scene(scene_id).masks.uri)


def missing_scene(theirs: SceneOutput) -> ProposalsMissing:
    """Return what to say of a scene of which there is nothing, by why it failed where it did."""
    names = sorted(name for name in objects.list_names(theirs.failure_notes) if offsets_of(name) is None)
    return ProposalsMissing(f"{theirs.output} holds nothing of this scene: {_why(theirs, names)}")


def missing_window(theirs: SceneOutput, window: Window) -> ProposalsMissing:
    """Return what to say of a window that is not done there, by why it failed where it did."""
    name = entry_name(window.row_off, window.col_off)
    names = [name] if objects.exists(theirs.failure_note(name)) else []
    return ProposalsMissing(f"{theirs.output} holds nothing of this window: {_why(theirs, names)}")


def _why(theirs: SceneOutput, names: list[str]) -> str:
    noted = [Noted(theirs.scene_id, name) for name in names[:1]]
    failed = [f"it failed there ({failure.message})" for _, failure in failures.read(theirs.output, noted)]
    remedy = f"go on with that one by `mrovseg segment -o {quote(theirs.output.uri)}`, then give the same command again"
    return f"{''.join(failed) or 'it is not done there yet'}; {remedy}"
