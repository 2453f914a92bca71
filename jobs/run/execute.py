"""A segmenting run from its settings to its result: everything is checked, then the cluster is joined."""

import functools
import sys
from collections.abc import Callable
from typing import Any

from jobs.run import run_record
from jobs.run.description import describe
from jobs.run.missing import say_missing
from jobs.run.precheck import warnings_ahead
from jobs.run.proposals import chip_layout, proposals_layout
from jobs.run.proxies import check_proxies
from jobs.run.resume import failed_before
from jobs.run.settings.segment import SegmentSettings
from jobs.run.supervision import refuse_foreign, supervised
from jobs.run.wiring import ActorSegmenter, choose_execution, make_segmenter
from jobs.run.words.embedding import embed_and_warn
from jobs.run.words.saying import say_classes
from mrovseg.labels.pixel_values import OTHER_THRESHOLD
from mrovseg.weights import checkpoint as checkpoints
from mrovseg.weights import loading
from mrovseg.weights.checkpoint import Checkpoint
from mrovseg.words.embedded import EmbeddedVocabulary
from pipeline import flow
from pipeline.flow import RunResult
from pipeline.output import lease
from pipeline.redact import redacted
from pipeline.store import chosen_contents


def run_segmentation(settings: SegmentSettings) -> RunResult:
    """Run the flow over the scenes with a segmenter of the checkpoint.

    Raises ConfigError or ModelError before anything is started, PipelineError when the output cannot be
    written. What goes wrong with a scene or a window is in the result and in the output's failures.
    """
    check_proxies(settings.scenes, settings.output.location)
    settings.scenes.check()
    say_missing(settings.scenes)
    say_classes(settings.vocabulary)
    checkpoint = checkpoints.load(settings.checkpoint)
    # What no actor could build is known before Ray starts.
    loading.network(checkpoint.config, checkpoint.image_weights)
    vocabulary = embed_and_warn(checkpoint, settings.vocabulary)
    threshold = OTHER_THRESHOLD if settings.threshold is None else settings.threshold
    layout = chip_layout(checkpoint.config, overlap_px=settings.flow.overlap_px)
    contents = chosen_contents(
        proposals_layout(checkpoint, layout, chunk_px=settings.flow.chunk_px),
        scores=settings.flow.scores,
        proposals=settings.flow.proposals,
    )
    for warning in warnings_ahead(settings.scenes, settings.reading):
        print(f"mrovseg: {redacted(warning)}", file=sys.stderr)
    described = functools.partial(
        describe,
        settings,
        checkpoint=checkpoint,
        threshold=threshold,
        background=vocabulary.background,
        contents=contents,
    )
    precision = _precision(settings, described)
    with flow.cluster():
        return _run(settings, checkpoint, vocabulary=vocabulary, described=described, precision=precision)


def _run(
    settings: SegmentSettings,
    checkpoint: Checkpoint,
    *,
    vocabulary: EmbeddedVocabulary,
    described: functools.partial[dict[str, Any]],
    precision: str,
) -> RunResult:
    """Run on the cluster that is joined."""
    scenes = failed_before(settings.output, settings.scenes) if settings.retry_failed else settings.scenes
    layout = chip_layout(checkpoint.config, overlap_px=settings.flow.overlap_px)
    contents = described.keywords["contents"]
    # Before the output says that this run is at it: one that cannot fit leaves it as it was.
    room = flow.count_workers_here(settings.flow, layout, contents, checkpoint.image_weights)
    execution = choose_execution(precision, room=room, flow=settings.flow, gsd_m=settings.reading.gsd_m)
    description = described(precision=execution.precision)
    with supervised(settings, description) as supervisor:
        return flow.run(
            scenes,
            output=settings.output,
            classes=settings.vocabulary.names,
            make_segmenter=functools.partial(
                make_segmenter,
                config=checkpoint.config,
                vocabulary=vocabulary,
                step_px=layout.step_px,
                threshold=described.keywords["threshold"],
                kind=ActorSegmenter,
                execution=execution,
            ),
            weights=checkpoint.image_weights,
            layout=layout,
            contents=contents,
            colors=supervisor.colors,
            settings=settings.flow,
            reading=settings.reading,
            made_by=run_record.provenance(description),
            run_id=supervisor.run_id,
            supervise=supervisor,
            check_lease=supervisor.held.check,
        )


def _precision(settings: SegmentSettings, described: Callable[..., dict[str, Any]]) -> str:
    """Return the precision that is asked for, or that of the output's masks; refuse another run's output early.

    Raises ResumeError when another run holds the output, or it holds another run, OutputError when it cannot be
    written: neither needs a cluster to be known.
    """
    if settings.overwrite:
        refuse_foreign(settings.output)
    with lease.hold(settings.output):
        if settings.overwrite:
            return settings.precision
        before = run_record.precision(settings.output)
        wanted = before if before and settings.precision == "auto" else settings.precision
        single = run_record.SINGLE if wanted == "auto" else wanted
        run_record.check(settings.output, described(precision=single))
        return wanted
