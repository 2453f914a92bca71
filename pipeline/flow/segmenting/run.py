"""A segmenting run, from its settings to its result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pipeline.config import PLAIN, FlowSettings, Reading
from pipeline.flow.chain import carry_out
from pipeline.flow.dataset import RunSpec, put_weights
from pipeline.flow.progress.counter import Progress
from pipeline.flow.resources import sizing
from pipeline.flow.resources.sizing import WorkerCounts
from pipeline.flow.running.terms import RunResult, Supervision
from pipeline.flow.steps import MakeSegmenter
from pipeline.geometry.chips import ChipLayout
from pipeline.geometry.scene import Scene
from pipeline.output import Output
from pipeline.sources.naming import Refusal
from pipeline.store import PIXELS_ALONE, Contents


def run(  # noqa: PLR0913 - each by its name
    scenes: Iterable[Scene | Refusal],
    *,
    output: Output,
    classes: Sequence[str],
    make_segmenter: MakeSegmenter,
    weights: Mapping[str, np.ndarray],
    layout: ChipLayout,
    settings: FlowSettings,
    contents: Contents = PIXELS_ALONE,
    colors: Sequence[str] | None = None,
    reading: Reading = PLAIN,
    made_by: Mapping[str, Any] | None = None,
    run_id: str | None = None,
    supervise: Callable[[Progress], None] | None = None,
    check_lease: Callable[[], None] | None = None,
) -> RunResult:
    """Segment what is not yet done of ``scenes`` into mask stores of ``output``, and sum the output up.

    ``scenes`` are listed by a task, while the first are being segmented: they can be pickled, as a ``SceneList``
    and a list can, and may be too many to hold. ``classes`` are the names of the class ids 1..k, and ``colors`` those
    of the ids 0..k (None: the palette's).
    ``make_segmenter`` is called once in each actor with ``weights``, whose arrays are read-only there; ``layout``
    is its segmenter's, and ``contents`` what each mask store holds of what it makes. ``reading`` is how scenes are
    read; how each of them is, is kept in the output. ``made_by`` are plain values that say what makes the masks, the
    same for every run of the output; each mask store notes them.

    What goes wrong with a scene or a window becomes a failure; the others are not touched by it. ``run_id``,
    ``supervise`` and ``check_lease`` are as ``Supervision`` says.

    Raises:
        RunStoppedError: what ``supervise`` raised; the failures until then are in their table.
        ResourceError: the actors do not fit the cluster; nothing was started.
        OutputError: the output cannot be written; what is done stays done.
        PipelineError: the segmenter cannot be made, or the cluster is lost.
    """

    def make_spec() -> tuple[RunSpec, WorkerCounts]:
        workers = sizing.count_workers_here(settings, layout, contents, weights)
        return (
            RunSpec(
                scenes=scenes,
                output=output,
                classes=classes,
                contents=contents,
                colors=colors,
                made_by=made_by or {},
                make_segmenter=make_segmenter,
                weights_refs=put_weights(weights),
                layout=layout,
                # Also where machines come back without their GPUs.
                settings=replace(settings, actor_gpus=workers.actor_gpus),
                reading=reading,
            ),
            workers,
        )

    supervision = Supervision(run_id=run_id, supervise=supervise, check_lease=check_lease)
    return carry_out(output, supervision, make_spec)
