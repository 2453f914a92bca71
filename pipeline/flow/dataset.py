"""The chain of steps as a Ray dataset, and how Ray Data is to execute it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import ray
from ray.data import (
    ActorPoolStrategy,
    DataContext,
    Dataset,
    ExecutionResources,
    TaskPoolStrategy,
    from_items,
)

from pipeline.config import FlowSettings, Reading
from pipeline.flow.planning import (
    Planning,
    done_before,
    list_splits,
    plan_scene,
    plan_split,
    read_plan,
)
from pipeline.flow.ray_quirks import ForgetBlocks, log_in_file
from pipeline.flow.resources.sizing import WorkerCounts, window_bytes
from pipeline.flow.steps import MakeSegmenter, Segment, store_masks
from pipeline.flow.watch.guard import Guard
from pipeline.geometry.chips import ChipLayout
from pipeline.geometry.scene import Scene
from pipeline.known_warnings import silenced
from pipeline.output import Output
from pipeline.sources.naming import Refusal
from pipeline.store import Contents, StoreTerms

QUEUED = 2  # windows an actor has in hand: the one it segments and the next
_WINDOWS_PER_ACTOR = 8  # in the object store, over all steps
PLANNING_BYTES = 64 * 2**20

Step = Callable[[pa.Table], Iterator[pa.Table]]
"""What a task makes of a table of records. Ray calls its workers and operators by the function's name."""

TABLES: Mapping[str, Any] = {"batch_format": "pyarrow", "batch_size": 1}
"""A step takes tables of one record: Ray Data gives none without rows then, and wants a number where there are GPUs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """What a run is made of: the chain can be begun again with it, as often as it breaks."""

    scenes: Iterable[Scene | Refusal]
    output: Output
    classes: Sequence[str]
    contents: Contents
    colors: Sequence[str] | None
    made_by: Mapping[str, Any]
    make_segmenter: MakeSegmenter
    weights_refs: Sequence[ray.ObjectRef[Any]]
    layout: ChipLayout
    settings: FlowSettings
    reading: Reading

    @property
    def window_bytes(self) -> int:
        """What a window and its surroundings take."""
        return window_bytes(self.settings, self.layout, self.contents)

    def in_flight_bytes(self, workers: WorkerCounts) -> int:
        """What the object store may hold of the run, over all steps."""
        return _WINDOWS_PER_ACTOR * workers.actors * self.window_bytes

    def chain(self, workers: WorkerCounts, guard: Guard) -> Dataset:
        """Chain the steps, from the scene list to the ledger."""
        plan = partial(plan_split, plan=partial(plan_scene, planning=self._planning), guard=guard)
        read = partial(
            read_plan, layout=self.layout, settings=self.settings, reading=self.reading, guard=guard
        )
        windows = self._read(
            listed(self.scenes, workers=workers, whole=self.settings.keep_valid, guard=guard),
            plan,
            read,
            readers=workers.readers,
        )
        return self._segmented(windows, workers=workers, guard=guard)

    def windows_if_done(self, scene: Scene) -> int | None:
        """Return how many windows a scene has where nothing of it is left to do, see ``done_before``."""
        return done_before(scene, self._planning, plan_scene)

    @property
    def store_terms(self) -> StoreTerms:
        """What its mask stores have in common."""
        return self._planning.store_terms

    @property
    def _planning(self) -> Planning:
        return Planning(
            output=self.output,
            classes=self.classes,
            contents=self.contents,
            colors=self.colors,
            made_by=self.made_by,
            settings=self.settings,
            reading=self.reading,
        )

    def _read(self, splits: Dataset, plan: Step, read: Step, *, readers: int) -> Dataset:
        """Plan and read; every step claims something else, because of equal claims Ray makes one step."""
        return splits.map_batches(
            plan,
            **TABLES,
            compute=TaskPoolStrategy(size=readers),
            num_cpus=0,  # kept waiting with its CPU claimed, it could keep the reading from ever beginning
            memory=PLANNING_BYTES,
        ).map_batches(
            read,
            **TABLES,
            compute=TaskPoolStrategy(size=readers),
            num_cpus=self.settings.task_cpus,
            memory=self.window_bytes,  # claimed by no actor
        )

    def _segmented(self, windows: Dataset, *, workers: WorkerCounts, guard: Guard) -> Dataset:
        """Segment in actors, write in tasks."""
        store = partial(
            store_masks,
            output=self.output,
            classes=self.classes,
            contents=self.contents,
            reading=self.reading,
            guard=guard,
        )
        return windows.map_batches(
            Segment,
            **TABLES,
            fn_constructor_args=(
                self.make_segmenter,
                self.weights_refs,
                self.classes,
                self.settings.chunk_px,
                self.contents,
                guard,
            ),
            compute=ActorPoolStrategy(size=workers.actors, max_tasks_in_flight_per_actor=QUEUED),
            num_cpus=self.settings.actor_cpus,
            num_gpus=workers.actor_gpus,
        ).map_batches(
            store,
            **TABLES,
            compute=TaskPoolStrategy(size=workers.actors),
            num_cpus=0,  # reading may hold every free CPU: what is finished must always get out
        )


def put_weights(weights: Mapping[str, np.ndarray]) -> Sequence[ray.ObjectRef[Any]]:
    """Put the weights into the object store for the whole run: an actor that is started again needs them."""
    return [ray.put(dict(weights))]


def listed(scenes: Iterable[Scene | Refusal], *, workers: WorkerCounts, whole: bool, guard: Guard) -> Dataset:
    """List scenes in a task, as splits for the readers."""
    return from_items([{"list": 0}]).map_batches(
        partial(list_splits, scenes=scenes, readers=workers.readers, whole=whole, guard=guard),
        **TABLES,
        compute=TaskPoolStrategy(size=1),
        num_cpus=0,  # it waits for storage most of its time
    )


@contextmanager
def data_context(*, in_flight_bytes: int) -> Iterator[None]:
    """Have Ray Data work in small blocks, few at a time, and leave the terminal to the run."""
    context = DataContext.get_current().copy()
    context.target_max_block_size = 1  # a record a block, however small
    context.execution_options.resource_limits = ExecutionResources.for_limits(
        object_store_memory=in_flight_bytes
    )
    context.custom_execution_callback_classes = [ForgetBlocks]
    context.execution_no_progress_timeout_s = -1  # the run has a watchdog of its own, which knows the windows
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    with (
        DataContext.current(context),
        log_in_file(),
        silenced(
            UserWarning, "The maximum number of concurrent tasks"
        ),  # of steps with fewer scenes than tasks
    ):
        yield
