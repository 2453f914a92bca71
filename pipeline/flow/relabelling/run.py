"""A relabelling run: its chain of steps, from its settings to its result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import ray
from ray.data import ActorPoolStrategy, Dataset, TaskPoolStrategy

from pipeline.config import FlowSettings
from pipeline.flow.chain import carry_out
from pipeline.flow.dataset import PLANNING_BYTES, QUEUED, TABLES, listed
from pipeline.flow.planning import done_before, plan_split
from pipeline.flow.relabelling.labelling import Label
from pipeline.flow.relabelling.planning import Relabelling, kept_windows, plan_kept_scene
from pipeline.flow.resources.sizing import WorkerCounts, count_workers, labelled_bytes, nodes
from pipeline.flow.running.terms import RunResult, Supervision
from pipeline.flow.watch.guard import Guard
from pipeline.geometry.scene import Scene
from pipeline.output import Output
from pipeline.segment import Labeller
from pipeline.sources.naming import Refusal
from pipeline.store import StoreTerms

_BYTES_PER_ACTOR = 2**20  # in the object store, over all steps: records of windows are small


@dataclass(frozen=True, slots=True, kw_only=True)
class RelabelSpec:
    """What a relabelling run is made of: the chain can be begun again with it, as often as it breaks."""

    scenes: Iterable[Scene | Refusal]
    labeller_refs: Sequence[ray.ObjectRef[Any]]
    planning: Relabelling

    @property
    def output(self) -> Output:
        """Where to."""
        return self.planning.output

    @property
    def classes(self) -> Sequence[str]:
        """The names of the class ids 1..k."""
        return self.planning.classes

    @property
    def store_terms(self) -> StoreTerms:
        """What its mask stores have in common."""
        return self.planning.store_terms

    @property
    def settings(self) -> FlowSettings:
        """How it is cut up, which is as the source is, and what it claims."""
        return self.planning.settings

    def in_flight_bytes(self, workers: WorkerCounts) -> int:
        """Return what the object store may hold of the run, over all steps."""
        return _BYTES_PER_ACTOR * workers.actors

    def windows_if_done(self, scene: Scene) -> int | None:
        """Return how many windows a scene has where nothing of it is left to do, see ``done_before``."""
        return done_before(scene, self.planning, plan_kept_scene)

    def chain(self, workers: WorkerCounts, guard: Guard) -> Dataset:
        """Chain the steps; each claims something else, because of equal claims Ray makes one step."""
        plan = partial(plan_split, plan=partial(plan_kept_scene, planning=self.planning), guard=guard)
        splits = listed(self.scenes, workers=workers, whole=True, guard=guard)
        return (
            splits.map_batches(
                plan,
                **TABLES,
                compute=TaskPoolStrategy(size=workers.readers),
                num_cpus=0,
                memory=PLANNING_BYTES,
            )
            .map_batches(
                partial(kept_windows, settings=self.settings),
                **TABLES,
                compute=TaskPoolStrategy(size=workers.readers),
                num_cpus=0,
                memory=2 * PLANNING_BYTES,
            )
            .map_batches(
                Label,
                **TABLES,
                fn_constructor_args=(self.labeller_refs, self.planning, guard),
                compute=ActorPoolStrategy(size=workers.actors, max_tasks_in_flight_per_actor=QUEUED),
                num_cpus=self.settings.actor_cpus,
            )
        )


def count_labellers_here(planning: Relabelling) -> WorkerCounts:
    """Decide as ``count_workers`` what runs on the cluster that is joined."""
    kept = replace(planning.contents, proposals=planning.source_proposals)
    return count_workers(nodes(), planning.settings, window_bytes=labelled_bytes(planning.settings, kept))


def relabel(
    scenes: Iterable[Scene | Refusal],
    *,
    planning: Relabelling,
    labeller: Labeller,
    supervision: Supervision | None = None,
) -> RunResult:
    """Label what is not yet done of the ``scenes`` of an output by the proposals that it keeps, into another output.

    The masks, scores and margins are to the bit those of a run with the same labels. The ``labeller`` is sent to each
    actor. A window, or a scene, that the source has nothing of becomes a failure; once it is done there, the
    same call does it.

    Raises:
        RunStoppedError: what ``supervise`` raised; the failures until then are in their table.
        ResourceError: the actors do not fit the cluster; nothing was started.
        OutputError: the output cannot be written; what is done stays done.
        PipelineError: the labeller cannot be sent, or the cluster is lost.
    """

    def make_spec() -> tuple[RelabelSpec, WorkerCounts]:
        workers = count_labellers_here(planning)
        return RelabelSpec(scenes=scenes, labeller_refs=[ray.put(labeller)], planning=planning), workers

    return carry_out(planning.output, supervision or Supervision(), make_spec)
