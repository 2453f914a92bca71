"""A relabelling run from its settings to its result: everything is checked, then the cluster is joined."""

import sys
from dataclasses import replace
from typing import Any

from jobs.run import run_record
from jobs.run.outputs.chosen_scenes import chosen_ids, scene_list
from jobs.run.proxies import check_proxies
from jobs.run.relabelling.description import describe_relabelling
from jobs.run.relabelling.source import (
    Source,
    checkpoint_of,
    effective_area,
    opened_source,
)
from jobs.run.resume import failed_before
from jobs.run.settings.relabel import RelabelSettings
from jobs.run.supervision import check_output, supervised
from jobs.run.words.embedding import embed_and_warn
from jobs.run.words.saying import say_classes
from mrovseg.labels.labeller import Labeller
from mrovseg.labels.pixel_values import OTHER_THRESHOLD
from pipeline import flow
from pipeline.config import Reading
from pipeline.flow import RunResult, Supervision
from pipeline.store import Contents, chosen_contents


def run_relabelling(settings: RelabelSettings) -> RunResult:
    """Run the flow over the proposals that an output keeps, with a labeller of the vocabulary.

    Raises ConfigError or ModelError before anything is started, PipelineError when the output cannot be
    written. What goes wrong with a scene or a window is in the result and in the output's failures.
    """
    check_proxies(scene_list(settings.scenes), settings.source_output.location, settings.output.location)
    source = opened_source(settings.source_output)
    say_classes(settings.vocabulary)
    checkpoint = checkpoint_of(source, settings.checkpoint)
    vocabulary = embed_and_warn(checkpoint, settings.vocabulary)
    threshold = OTHER_THRESHOLD if settings.threshold is None else settings.threshold
    grid = settings.flow(source.record["grid"])
    contents = chosen_contents(source.proposals, scores=grid.scores, proposals=False)
    description = describe_relabelling(
        settings,
        source,
        checkpoint=checkpoint,
        threshold=threshold,
        background=vocabulary.background,
        contents=contents,
    )
    scenes = flow.KeptScenes(source.output, chosen_ids(source.output, settings.scenes))
    check_output(settings, description)
    planning = _planning(settings, source, description, contents)
    stride_px = source.proposals.stride_px
    labeller = Labeller(vocabulary=vocabulary, threshold=threshold, stride_px=stride_px)
    with flow.cluster():
        return _run(settings, scenes, planning, labeller, description)


def _planning(
    settings: RelabelSettings, source: Source, description: dict[str, Any], contents: Contents
) -> flow.Relabelling:
    return flow.Relabelling(
        output=settings.output,
        classes=settings.vocabulary.names,
        contents=contents,
        made_by=run_record.provenance(description),
        settings=settings.flow(source.record["grid"]),
        reading=Reading(aoi=effective_area(settings, source)),
        source=source.output,
        source_proposals=source.proposals,
        source_aoi=source.aoi,
    )


def _run(
    settings: RelabelSettings,
    scenes: flow.KeptScenes,
    planning: flow.Relabelling,
    labeller: Labeller,
    description: dict[str, Any],
) -> RunResult:
    """Run on the cluster that is joined."""
    some = failed_before(settings.output, scenes) if settings.retry_failed else scenes
    # Before the output says that this run is at it: one that cannot fit leaves it as it was.
    room = flow.count_labellers_here(planning)
    print(
        f"mrovseg: {room.actors} actor{'s' if room.actors > 1 else ''} of {settings.actor_cpus:g} CPUs; windows of "
        f"{planning.settings.window_px} px; proposals of {planning.source}",
        file=sys.stderr,
    )
    with supervised(settings, description) as supervisor:
        return flow.relabel(
            some,
            planning=replace(planning, colors=supervisor.colors),
            labeller=labeller,
            supervision=Supervision(
                run_id=supervisor.run_id, supervise=supervisor, check_lease=supervisor.held.check
            ),
        )
