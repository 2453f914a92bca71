"""The run: the chain, what comes before and after it, and what is done when it breaks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from ray.exceptions import RayActorError, RayError, RayTaskError, UserCodeException

from pipeline import statistics, store
from pipeline.config import FlowSettings
from pipeline.errors import OutputError, PipelineError, ResourceError
from pipeline.flow.by_scene.overviews import make_overviews
from pipeline.flow.dataset import data_context
from pipeline.flow.failure_notes import Notes
from pipeline.flow.finished_runs import all_done
from pipeline.flow.progress.counter import Progress
from pipeline.flow.progress.events import Events
from pipeline.flow.resources.session import cluster
from pipeline.flow.resources.sizing import WorkerCounts, count_workers, nodes
from pipeline.flow.running.terms import RunResult, Spec, Supervision
from pipeline.flow.streaming import ChainBroken, stream_rows
from pipeline.flow.summaries import summarize
from pipeline.flow.watch.actor_starts import ActorStarts
from pipeline.flow.watch.guard import Guard, watching
from pipeline.flow.watch.watchdog import BEAT_S, Watchdog
from pipeline.output import Output
from pipeline.output.failure import Failure
from pipeline.statistics import SceneSum
from pipeline.storage import objects

_FRUITLESS = 3  # attempts in a row that get nothing done
_PAUSE_S = 5.0  # before another attempt: a cluster that lost a node needs a moment to know it
_WORKERS_S = 300.0  # to wait for machines that come back


def carry_out(
    output: Output, supervision: Supervision, make_spec: Callable[[], tuple[Spec, WorkerCounts]]
) -> RunResult:
    """Do what is left to do of a run into ``output``, and sum the output up.

    What it is made of, and how many workers it has, is asked on the cluster that is joined.

    Raises:
        RunStoppedError: what ``supervise`` raised; the failures until then are in their table.
        OutputError: the output cannot be written; what is done stays done.
        PipelineError: the workers cannot be made, or the cluster is lost.
    """
    events = Events() if supervision.run_id is None else Events(supervision.run_id)
    progress = Progress(output, events, supervision.supervise, supervision.check_lease)
    with cluster():
        spec, workers = make_spec()
        events.say("run_started", output=output.uri, actors=workers.actors, readers=workers.readers)
        with _ending(progress):
            _execute(spec, workers, progress)
    return _result(progress)


def _execute(spec: Spec, workers: WorkerCounts, progress: Progress) -> None:
    """Do what is left to do, and sum the output up."""
    _sweep(spec.output)
    store.lay_out_scenes(spec.output)
    if not _nothing_left(spec, progress):
        notes = Notes(spec.output, progress.events.run_id)
        with watching(spec.settings.limit_s, notes) as guard:
            _run_to_end(spec, workers, guard, progress)
    _summarize(spec, progress)
    _make_overviews(spec, progress)


def _result(progress: Progress) -> RunResult:
    return RunResult(
        progress.done,
        progress.skipped,
        progress.failed,
        tuple(progress.failures),
        progress.failures_in_all,
    )


def _sweep(output: Output) -> None:
    """Remove what killed writers of small objects left half-written; scenes are swept as they are planned."""
    for folder in (output.location, output.inputs, output.statistics, output.overviews, output.scenes):
        objects.sweep(folder, below=output.location)


@contextmanager
def _ending(progress: Progress) -> Iterator[None]:
    """Say how a run ends, and write what failed until then."""
    try:
        yield
    except BaseException as error:
        progress.say_end("stopped" if isinstance(error, PipelineError) else type(error).__name__)
        if not isinstance(error, OutputError):  # it cannot be written, or is gone and is not to be made anew
            with suppress(PipelineError):  # what ended the run says more
                progress.write()
        raise
    progress.finish()


def _nothing_left(spec: Spec, progress: Progress) -> bool:
    """Tell whether all is done already, and count it then."""
    found = all_done(spec.scenes, spec.output, spec.windows_if_done)
    for each in found or ():
        progress.count(each)
    return found is not None


def _run_to_end(spec: Spec, workers: WorkerCounts, guard: Guard, progress: Progress) -> None:
    """Run the chain to its end; one that breaks is begun again, as long as that gets something done."""
    fruitless = 0
    while True:
        done = progress.done
        try:
            return _attempt(spec, workers, guard, progress)
        except ChainBroken as broken:
            fruitless = 0 if progress.done > done else fruitless + 1
            if fruitless == _FRUITLESS or not _mendable(broken.error):
                reason = f"the run cannot go on, what is done stays done: {broken}"
                raise PipelineError(reason) from broken.error
            why = str(broken)
        guard.watch.release.remote()
        workers = _wait_for_workers(spec.settings)
        progress.begin_again(reason=why)


def _attempt(spec: Spec, workers: WorkerCounts, guard: Guard, progress: Progress) -> None:
    """Run the chain once, and count what comes out of it."""
    watchdog = Watchdog(guard, progress.events, spec.settings.stall_s)
    claims = {"CPU": spec.settings.actor_cpus, "GPU": workers.actor_gpus}
    actor_starts = ActorStarts(guard, progress.events, workers.actors, claims)
    progress.planned_ahead = guard.ahead
    with data_context(in_flight_bytes=spec.in_flight_bytes(workers)):
        for record in stream_rows(spec.chain(workers, guard), beat_s=BEAT_S):
            if record is not None:
                watchdog.record_seen()
                if isinstance(record, Failure) and record.error == OutputError.__name__:
                    raise OutputError(record.message)  # no other window could be written either
                progress.count(record)
            else:
                progress.beat()
                actor_starts.check()
            watchdog.check()


def _mendable(error: Exception) -> bool:
    """Tell what the cluster lost from what would be raised again: by our own steps, or by making the segmenter."""
    if isinstance(error, RayTaskError):
        return isinstance(error.cause, RayError) and not isinstance(error.cause, UserCodeException)
    return not (isinstance(error, RayActorError) and error.actor_init_failed)


def _wait_for_workers(settings: FlowSettings) -> WorkerCounts:
    """Count the workers that fit the cluster as it is now; wait for machines that come back.

    Raises:
        PipelineError: they did not.
    """
    deadline_s = time.monotonic() + _WORKERS_S
    while True:
        time.sleep(_PAUSE_S)
        try:
            return count_workers(nodes(), settings)
        except ResourceError as error:
            if time.monotonic() > deadline_s:
                raise PipelineError(f"the run cannot go on, what is done stays done: {error}") from error


def _summarize(spec: Spec, progress: Progress) -> None:
    """Write what is a function of the ledger, and of which scenes failed whole."""
    cpus, tally = spec.settings.task_cpus, progress.tally
    with _after_the_chain(spec.output, "summed up"):
        found = summarize(spec.output, classes=spec.classes, cpus=cpus, tally=tally)
        checked, failed = _then_checked(found, progress), progress.failed_whole
        every = statistics.with_failed(checked, failed, classes=spec.classes)
        made_by = spec.store_terms.made_by or {}
        statistics.write_tables(spec.output, every, classes=spec.classes, run=made_by.get("run"))


def _make_overviews(spec: Spec, progress: Progress) -> None:
    """Have overviews of all scenes be of the ledger; say of which that cannot be."""
    scene_ids = spec.output.scene_ids()
    with _after_the_chain(spec.output, "in overviews"):
        least = progress.tally.least(scene_ids)
        for made in make_overviews(spec.output, spec.store_terms, scene_ids, least=least):
            if progress.check_lease is not None and made.written:
                progress.check_lease()
            if made.reason is not None:
                said = f"{made.scene_id} has no overviews: {made.reason}"
                progress.events.warn("overviews_missing", said, scene_id=made.scene_id)


@contextmanager
def _after_the_chain(output: Output, what: str) -> Iterator[None]:
    """Say what is not yet made of what is done, where the cluster is lost, or the output removed."""
    try:
        yield
    except RayError as error:
        reason = f"every window is done or failed, but not {what}: {ChainBroken(error)}"
        raise PipelineError(reason) from error
    except FileNotFoundError as error:
        raise OutputError(f"{output} was removed while the run was at it: {error}") from error


def _then_checked(sums: Iterator[SceneSum], progress: Progress) -> Iterator[SceneSum]:
    """Yield the sums, and check after the last one that their tables may still be written."""
    yield from sums
    if progress.check_lease is not None:
        progress.check_lease()
