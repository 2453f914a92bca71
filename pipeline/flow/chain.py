"""The chain of the run, and what comes before and after it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import ray
from ray.data import (
    ActorPoolStrategy,
    DataContext,
    Dataset,
    ExecutionResources,
    TaskPoolStrategy,
    from_items,
)
from ray.exceptions import RayError

from pipeline import objects, statistics
from pipeline.chips import ChipLayout
from pipeline.config import PLAIN, FlowSettings, Reading
from pipeline.errors import OutputError, PipelineError
from pipeline.flow.forgetting import ForgetBlocks
from pipeline.flow.progress import Progress
from pipeline.flow.records import Row, unpacked
from pipeline.flow.resources import Places, cluster, nodes, places
from pipeline.flow.shares import list_shares, plan_share, read_plan
from pipeline.flow.steps import MakeSegmenter, Segment, store_masks
from pipeline.flow.summing import summed_up
from pipeline.scene import Refusal, Scene
from pipeline.statistics import Failure

_QUEUED = 2  # windows an actor has in hand: the one it segments and the next
_WINDOWS_PER_ACTOR = 8  # in the object store, over all steps
_BYTES_PER_PIXEL = 4  # red, green, blue, valid
_PLANNING_BYTES = 64 * 2**20

Step = Callable[[Row], Iterator[Row]]
"""What a task makes of a row."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How many windows were computed now, were done before, and failed; and what failed and why.

    ``failures`` are the first hundred of ``failures_in_all``; the table of the output has all.
    """

    windows_done: int
    windows_skipped: int
    windows_failed: int
    failures: tuple[Failure, ...]
    failures_in_all: int


def run(  # noqa: PLR0913 - each by its name
    scenes: Iterable[Scene | Refusal],
    *,
    output: str,
    classes: Sequence[str],
    make_segmenter: MakeSegmenter,
    weights: Mapping[str, np.ndarray],
    layout: ChipLayout,
    settings: FlowSettings,
    reading: Reading = PLAIN,
) -> RunResult:
    """Segment what is not yet done of ``scenes`` into mask stores below ``output``, and sum the output up.

    ``scenes`` are listed by a task, while the first are being segmented: they can be pickled, as a ``SceneList``
    and a list can, and may be too many to hold. ``classes`` are the names of the class ids 1..k.
    ``make_segmenter`` is called once in each actor with ``weights``, whose arrays are read-only there; ``layout``
    is its segmenter's. ``reading`` is how scenes are read; how each of them is, is kept in the output.

    What goes wrong with a scene or a window becomes a failure; the others are not touched by it.

    Raises:
        ResourceError: the actors do not fit the cluster; nothing was started.
        OutputError: the output cannot be written; what is done stays done.
        PipelineError: the segmenter cannot be made, or the cluster is lost.
    """
    plan = partial(plan_share, output=output, classes=classes, settings=settings, reading=reading)
    read = partial(read_plan, layout=layout, settings=settings, reading=reading)
    window_bytes = _BYTES_PER_PIXEL * (settings.window_px + 2 * layout.side_px) ** 2
    with cluster():
        room = places(nodes(), settings)
        for folder in (output, *(objects.join(output, name) for name in ("inputs", "statistics"))):
            objects.sweep(folder)
        held = [ray.put(dict(weights))]  # for the whole run: an actor that is started again needs it
        with _context(in_flight_bytes=_WINDOWS_PER_ACTOR * room.actors * window_bytes):
            shares = _listed(scenes, room=room)
            windows = _read(
                shares, plan, read, readers=room.readers, cpus=settings.task_cpus, memory=window_bytes
            )
            chain = _segmented(
                windows, (make_segmenter, held, classes), output=output, settings=settings, room=room
            )
            progress = _followed(chain, Progress(statistics.failures_table(output)))
            statistics.write_summary(output, summed_up(output, classes=classes, cpus=settings.task_cpus))
    return RunResult(
        progress.done,
        progress.skipped,
        progress.failed,
        tuple(progress.failures),
        progress.failures_in_all,
    )


def _listed(scenes: Iterable[Scene | Refusal], *, room: Places) -> Dataset:
    """List scenes in a task, as shares for the readers."""
    return from_items([{"list": 0}]).flat_map(
        partial(list_shares, scenes=scenes, readers=room.readers),
        compute=TaskPoolStrategy(size=1),
        num_cpus=0,  # it waits for storage most of its time
    )


def _read(
    shares: Dataset, plan: Step, read: Step, *, readers: int, cpus: float | int, memory: int
) -> Dataset:
    """Plan and read; every step claims something else, because of equal claims Ray makes one step."""
    return shares.flat_map(
        plan,
        compute=TaskPoolStrategy(size=readers),
        num_cpus=0,  # held back with its CPU claimed, it could keep the reading from ever beginning
        memory=_PLANNING_BYTES,
    ).flat_map(
        read,
        compute=TaskPoolStrategy(size=readers),
        num_cpus=cpus,
        memory=memory,  # claimed by no actor
    )


def _segmented(
    windows: Dataset,
    segmenter: tuple[MakeSegmenter, Sequence[ray.ObjectRef[Any]], Sequence[str]],
    *,
    output: str,
    settings: FlowSettings,
    room: Places,
) -> Dataset:
    """Segment in actors, write in tasks."""
    *_, classes = segmenter
    return windows.map(
        Segment,  # type: ignore[arg-type]  # a class makes actors
        fn_constructor_args=segmenter,
        compute=ActorPoolStrategy(size=room.actors, max_tasks_in_flight_per_actor=_QUEUED),
        num_cpus=settings.actor_cpus,
        num_gpus=settings.actor_gpus,
    ).map(
        partial(store_masks, output=output, classes=classes),
        compute=TaskPoolStrategy(size=room.actors),
        num_cpus=0,  # reading may hold every free CPU: what is finished must always get out
    )


@contextmanager
def _context(*, in_flight_bytes: int) -> Iterator[None]:
    """Have Ray Data work in small blocks, few at a time, and say nothing."""
    context = DataContext.get_current().copy()
    context.target_max_block_size = 1  # a record a block, however small
    context.execution_options.resource_limits = ExecutionResources.for_limits(
        object_store_memory=in_flight_bytes
    )
    context.custom_execution_callback_classes = [ForgetBlocks]
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logger = logging.getLogger("ray.data")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with DataContext.current(context):
            yield
    finally:
        logger.setLevel(level)


def _followed(chain: Dataset, progress: Progress) -> Progress:
    """Run the chain and count what comes out of it."""
    try:
        for row in chain.iter_rows():
            record = unpacked(row)
            if isinstance(record, Failure) and record.error == OutputError.__name__:
                raise OutputError(record.message)  # no other window could be written either
            progress.count(record)
    except RayError as error:
        raise PipelineError(f"the run cannot go on, what is done stays done: {error}") from error
    progress.finish()
    return progress
