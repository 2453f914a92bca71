"""The step of labelling again: read what is kept of a window, label it, write it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import ray
from jaxtyping import Bool, UInt

from pipeline import raster, store
from pipeline.errors import PipelineError
from pipeline.flow.records import Done, KeptWindow, Record, attempt, each_record
from pipeline.flow.relabelling.kept_scenes import missing_window
from pipeline.flow.relabelling.planning import Relabelling
from pipeline.flow.steps import Labelled, write_window
from pipeline.flow.watch.guard import Guard
from pipeline.flow.watch.registry import Work
from pipeline.output import SceneOutput, ledger
from pipeline.segment import Labeller, WindowLabels, WindowProposals, label_window, no_proposals
from pipeline.storage import objects


class Label:
    """An actor: one labeller. It reads, labels and writes a window: no pixel travels between processes."""

    def __init__(self, labeller: Sequence[ray.ObjectRef[Any]], planning: Relabelling, guard: Guard) -> None:
        """Take the labeller; the reference comes in a container, so that Ray does not resolve it.

        Raises:
            Quarantined: it takes its process down with it. An actor that raises here is not started again.
        """
        start = Work("start", part=ray.get_runtime_context().get_actor_id())
        self._labeller: Labeller = guard.watched(start, lambda: ray.get(labeller[0]))
        self._planning, self._guard = planning, guard

    def __call__(self, table: pa.Table) -> Iterator[pa.Table]:
        """Turn windows whose proposals are kept into masks that are written; pass everything else on."""
        yield from each_record(table, step=self._done)

    def _done(self, record: Record) -> Iterator[Record]:
        if isinstance(record, KeptWindow):
            step = partial(self._label_and_write, record)
            yield attempt(step, self._guard, stage="label", scene=record.scene, window=record.window)
        else:
            yield record

    def _label_and_write(self, record: KeptWindow) -> Record:
        planning, window = self._planning, record.window
        theirs = planning.source.scene(record.scene.scene_id)
        labels = self._labels(record, theirs)
        write_window(
            Labelled(header=record.view.header, window=window, labels=labels, maps={}),
            planning.output.scene(record.scene.scene_id),
            classes=planning.classes,
            contents=planning.contents,
            check=partial(_check_unchanged, theirs, record.inputs_digest),
        )
        return Done(record.scene, window)

    def _labels(self, record: KeptWindow, theirs: SceneOutput) -> WindowLabels:
        """Return the labels of a window.

        Raises:
            ProposalsMissing: it is not done there.
            StoreError: what is kept of it is damaged.
        """
        window, planning = record.window, self._planning
        entry = ledger.entry_of(theirs, window)
        if entry is None:
            return self._nothing(record, theirs)
        kept = store.read_kept(theirs, window, digests=entry.digests)
        valid = _has_data(kept.class_ids)
        outline = raster.outlined(record.view, planning.reading)
        if outline is not None:
            valid &= outline.inside(window)
        return self._label(WindowProposals(chunk_px=kept.chunk_px, **kept.proposals), valid, record)

    def _nothing(self, record: KeptWindow, theirs: SceneOutput) -> WindowLabels:
        """Return the labels of a window that is outside of what the source was to label: no data."""
        area = self._planning.source_aoi
        if area is None or raster.outline_of(record.view, area).touches(record.window):
            raise missing_window(theirs, record.window)
        proposals = no_proposals(record.window, chunk_px=self._planning.settings.chunk_px)
        return self._label(proposals, np.zeros(record.window.shape, np.bool_), record)

    def _label(
        self, proposals: WindowProposals, valid: Bool[np.ndarray, "y x"], record: KeptWindow
    ) -> WindowLabels:
        return label_window(
            self._labeller,
            proposals,
            valid,
            window=record.window,
            classes=len(self._planning.classes),
            every_pixel=self._planning.contents.score_stride_px == 1,
        )


def _has_data(class_ids: UInt[np.ndarray, "y x"]) -> Bool[np.ndarray, "y x"]:
    return np.asarray(class_ids != np.iinfo(class_ids.dtype).max)


def _check_unchanged(theirs: SceneOutput, inputs_digest: str) -> None:
    """Refuse what was made of a scene that was done anew meanwhile."""
    if ledger.inputs_digest(objects.get_bytes(theirs.inputs)) != inputs_digest:
        raise PipelineError(
            f"{theirs.masks} was made anew while it was labelled: give the command again when nobody writes there; "
            "with --keep-valid where windows of it were done before"
        )
