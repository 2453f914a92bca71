"""The chain of the run, and what comes before and after it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

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

from pipeline import statistics
from pipeline.chips import ChipLayout
from pipeline.config import PLAIN, FlowSettings, Reading
from pipeline.errors import PipelineError
from pipeline.flow.progress import Progress
from pipeline.flow.records import unpacked
from pipeline.flow.resources import cluster, nodes, places
from pipeline.flow.shares import read_share, shares
from pipeline.flow.steps import MakeSegmenter, Segment, store_masks, sum_up
from pipeline.scene import Scene
from pipeline.statistics import Failure

_QUEUED = 2  # windows an actor has in hand: the one it segments and the next
_WINDOWS_PER_ACTOR = 8  # in the object store, over all steps
_BYTES_PER_PIXEL = 4  # red, green, blue, valid


@dataclass(frozen=True, slots=True)
class RunResult:
    """How many windows were computed now, were done before, and failed; and what failed and why."""

    windows_done: int
    windows_skipped: int
    windows_failed: int
    failures: tuple[Failure, ...]


def run(  # noqa: PLR0913 - each by its name
    scenes: Iterable[Scene],
    *,
    output: str,
    classes: Sequence[str],
    make_segmenter: MakeSegmenter,
    weights: Mapping[str, np.ndarray],
    layout: ChipLayout,
    settings: FlowSettings,
    reading: Reading = PLAIN,
) -> RunResult:
    """Segment what is not yet done of ``scenes`` into mask stores below ``output``, and sum it up.

    ``classes`` are the names of the class ids 1..k. ``make_segmenter`` is called once in each actor with
    ``weights``, whose arrays are read-only there; ``layout`` is its segmenter's. ``reading`` is how scenes are
    read; how each of them is, is kept in the output.

    What goes wrong with a scene or a window becomes a failure; the others are not touched by it.

    Raises:
        ResourceError: the actors do not fit the cluster; nothing was started.
        PipelineError: the segmenter cannot be made, or the cluster or the output is lost.
    """
    listed = list(scenes)
    read = partial(
        read_share, output=output, classes=classes, layout=layout, settings=settings, reading=reading
    )
    write = partial(store_masks, output=output, classes=classes)
    window_bytes = _BYTES_PER_PIXEL * (settings.window_px + 2 * layout.side_px) ** 2
    with cluster():
        room = places(nodes(), settings)
        held = [ray.put(dict(weights))]  # for the whole run: an actor that is started again needs it
        with _context(in_flight_bytes=_WINDOWS_PER_ACTOR * room.actors * window_bytes):
            chain = (
                from_items(shares(listed, readers=room.readers))
                .flat_map(
                    read,
                    compute=TaskPoolStrategy(size=room.readers),
                    num_cpus=settings.task_cpus,
                    memory=window_bytes,  # claimed by no actor: of equal claims Ray makes one step
                )
                .map(
                    Segment,  # type: ignore[arg-type]  # a class makes actors
                    fn_constructor_args=(make_segmenter, held, classes),
                    compute=ActorPoolStrategy(size=room.actors, max_tasks_in_flight_per_actor=_QUEUED),
                    num_cpus=settings.actor_cpus,
                    num_gpus=settings.actor_gpus,
                )
                .map(
                    write,
                    compute=TaskPoolStrategy(size=room.actors),
                    num_cpus=0,  # reading may hold every free CPU: what is finished must always get out
                )
            )
            progress = _followed(chain)
            _sum_up(listed, output=output, classes=classes, cpus=settings.task_cpus)
    failures = tuple(progress.failures.values())
    statistics.write_failures(output, failures)
    return RunResult(progress.done, progress.skipped, progress.failed, failures)


@contextmanager
def _context(*, in_flight_bytes: int) -> Iterator[None]:
    """Have Ray Data work in small blocks, few at a time, and say nothing."""
    context = DataContext.get_current().copy()
    context.target_max_block_size = 1  # a record a block, however small
    context.execution_options.resource_limits = ExecutionResources.for_limits(
        object_store_memory=in_flight_bytes
    )
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


def _followed(chain: Dataset) -> Progress:
    """Run the chain and count what comes out of it."""
    progress = Progress()
    try:
        for row in chain.iter_rows():
            progress.count(unpacked(row))
    except RayError as error:
        raise PipelineError(f"the run cannot go on, what is done stays done: {error}") from error
    progress.finish()
    return progress


def _sum_up(scenes: Sequence[Scene], *, output: str, classes: Sequence[str], cpus: float | int) -> None:
    """Write the statistics of each scene, in tasks, and the summary of all."""
    # A claim, however small: without one Ray would start all of them at once.
    task = ray.remote(num_cpus=cpus)(sum_up)
    ids = sorted({scene.scene_id for scene in scenes})
    summed = ray.get([task.remote(scene_id, output, classes) for scene_id in ids])
    statistics.write_summary(output, [record for records in summed for record in records])
