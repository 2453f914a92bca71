"""The steps after reading: segment in actors, store in tasks, sum up a scene."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import ray

from pipeline import statistics, store
from pipeline.config import Reading
from pipeline.errors import OutputError
from pipeline.flow import scene_inputs
from pipeline.flow.records import Done, Masks, Pixels, Record, attempt, each_record
from pipeline.flow.watch.guard import Guard
from pipeline.flow.watch.registry import Work
from pipeline.geometry.areas import pixel_areas_m2
from pipeline.geometry.chips import cover
from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window
from pipeline.output import Output, SceneOutput, ledger
from pipeline.segment import Segmenter, WindowLabels, label_window, layout_of, propose_window
from pipeline.storage import objects

MakeSegmenter = Callable[[Mapping[str, np.ndarray]], Segmenter]


class Segment:
    """An actor: one segmenter over weights that are the same memory for all actors of a node, read-only."""

    def __init__(
        self,
        make_segmenter: MakeSegmenter,
        weights: Sequence[ray.ObjectRef[Any]],
        classes: Sequence[str],
        chunk_px: int,
        contents: store.Contents,
        guard: Guard,
    ) -> None:
        """Make the segmenter; the reference comes in a container, so that Ray does not resolve it.

        Raises:
            Quarantined: it takes its process down with it. An actor that raises here is not started again.
        """
        _see_own_gpus_only()
        start = Work("start", part=ray.get_runtime_context().get_actor_id())
        self._segmenter = guard.watched(start, lambda: make_segmenter(ray.get(weights[0])))
        self._classes, self._chunk_px, self._contents = len(classes), chunk_px, contents
        self._guard = guard

    def __call__(self, table: pa.Table) -> Iterator[pa.Table]:
        """Turn the pixels of windows into their masks; pass everything else on."""
        yield from each_record(table, step=self._segmented)

    def _segmented(self, record: Record) -> Iterator[Record]:
        if isinstance(record, Pixels):
            step = partial(self._masks, record)
            yield attempt(step, self._guard, stage="segment", scene=record.scene, window=record.window)
        else:
            yield record

    def _masks(self, record: Pixels) -> Record:
        window, scene_px = record.window, (record.header.height, record.header.width)
        proposals = propose_window(
            self._segmenter,
            record.pixels,
            record.valid,
            window=window,
            scene_px=scene_px,
            chunk_px=self._chunk_px,
        )
        read = cover(window, layout_of(self._segmenter), scene_px=scene_px)
        labels = label_window(
            self._segmenter,
            proposals,
            record.valid[window.slices_in(read)],
            window=window,
            classes=self._classes,
            every_pixel=self._contents.score_stride_px == 1,
        )
        kept = proposals if self._contents.maps else proposals.emptied()
        return Masks(record.scene, record.header, window, kept, labels, record.inputs)


def _see_own_gpus_only() -> None:
    """Hide every GPU from a process that claims none: Ray hides the others' only from one that has its own."""
    if not ray.get_runtime_context().get_accelerator_ids().get("GPU"):
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def store_masks(
    table: pa.Table,
    *,
    output: Output,
    classes: Sequence[str],
    contents: store.Contents,
    reading: Reading,
    guard: Guard,
) -> Iterator[pa.Table]:
    """Write a window's masks, then its entry in the ledger; pass everything else on."""
    write = partial(_write_masks, output=output, classes=classes, contents=contents, reading=reading)
    yield from each_record(table, step=partial(_stored, write=write, guard=guard))


def _stored(record: Record, *, write: Callable[[Masks], Record], guard: Guard) -> Iterator[Record]:
    if isinstance(record, Masks):
        yield attempt(partial(write, record), guard, stage="store", scene=record.scene, window=record.window)
    else:
        yield record


def _write_masks(
    record: Masks, *, output: Output, classes: Sequence[str], contents: store.Contents, reading: Reading
) -> Record:
    maps = {name: getattr(record.proposals, name) for name in contents.maps}
    labelled = Labelled(header=record.header, window=record.window, labels=record.labels, maps=maps)
    check = partial(scene_inputs.check_unchanged, record.inputs, reading)
    write_window(
        labelled, output.scene(record.scene.scene_id), classes=classes, contents=contents, check=check
    )
    return Done(record.scene, record.window)


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """What is written of a window: its labels, and by name the maps of proposals that are kept."""

    header: Header
    window: Window
    labels: WindowLabels
    maps: Mapping[str, np.ndarray]


def write_window(
    labelled: Labelled,
    scene: SceneOutput,
    *,
    classes: Sequence[str],
    contents: store.Contents,
    check: Callable[[], None],
) -> None:
    """Write a window, then its entry in the ledger; ``check`` raises where what it was made of has changed since.

    Raises:
        OutputError: the output is gone, or cannot be written.
        PipelineError: what ``check`` raised, or the store is of another run.
    """
    with _gone_said(scene):
        check()
        _write(labelled, scene, classes=classes, contents=contents)


@contextmanager
def _gone_said(scene: SceneOutput) -> Iterator[None]:
    """Say of whatever fails because the output is no longer there that it is not: all other windows would fail alike.

    Raises:
        OutputError: the scene's mask store, which was laid out before, is gone.
    """
    try:
        yield
    except OutputError:
        raise
    except Exception as error:
        if objects.exists(scene.masks.join("zarr.json")):
            raise
        raise OutputError(
            f"{scene.masks} is gone: it, or all of {scene.output}, was removed while the run was at it. The run stops; "
            "the same command makes anew what is missing"
        ) from error


def _write(
    labelled: Labelled, scene: SceneOutput, *, classes: Sequence[str], contents: store.Contents
) -> None:
    labels, window = labelled.labels, labelled.window
    arrays = {"class": labels.mask, "score": labels.score, "margin": labels.margin}
    digests = store.write(scene, arrays, window=window, proposals=labelled.maps)
    counted = statistics.window_statistics(
        labels.mask,
        labels.score,
        pixel_areas_m2(labelled.header, window),
        classes=classes,
        nodata=int(np.iinfo(labels.mask.dtype).max),
        score_stride_px=contents.score_stride_px,
    )
    # Last: a window is done when its entry is there.
    ledger.commit(scene, window=window, digests=digests, statistics=counted)


def summarize_scenes(least: Mapping[str, int], output: Output, classes: Sequence[str]) -> bytes:
    """Write the statistics of a part's scenes, note which are complete, and return their sums as ``merged`` takes them.

    ``least`` has the ids of the scenes, and how many windows of each are known to be done.
    """
    sums = statistics.summarize_scenes(output, least, classes=classes)
    for each in sums:
        store.mark(output.scene(each.scene_id), complete=each.records[0]["windows_failed"] == 0)
    return statistics.packed(sums)
