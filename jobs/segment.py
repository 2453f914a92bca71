"""Segment scenes by words: `mrovseg segment SCENES... --classes "building,house; road" -o OUT`."""

import functools
import io
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from jobs import run_record, table
from jobs.exit_codes import ExitCode, ends_with_code
from jobs.flags import FlagParser
from jobs.going_on import failed_before, going_on
from jobs.looking_ahead import MISSED, look_ahead
from jobs.missing import say_missing
from jobs.proxies import check_proxies
from jobs.settings import SegmentSettings, add_arguments, asked, segment_settings
from jobs.supervision import refuse_foreign, supervised
from jobs.table import duration
from jobs.wiring import ActorSegmenter, choose_aloud, embed_aloud, make_segmenter, say_classes
from mrovseg.segmenter import OTHER_THRESHOLD
from mrovseg.weights import checkpoint as checkpoints
from mrovseg.weights import loading
from mrovseg.weights.checkpoint import Checkpoint
from mrovseg.words.embedded import EmbeddedVocabulary
from pipeline import flow, lease, objects
from pipeline.flow import RunResult
from pipeline.geometry.chips import ChipLayout
from pipeline.output import Output
from pipeline.redact import redacted

LISTED_FAILURES = 20


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Read the flags, run, and say what was made where."""
    parser = FlagParser(prog="mrovseg segment", description=__doc__)
    add_arguments(parser)
    began_s = time.monotonic()
    settings = segment_settings(going_on(asked(parser.parse_args(argv))))
    result = segment(settings)
    print(class_table(settings.output))
    _say_where(settings.output, result, took_s=time.monotonic() - began_s)
    windows = result.windows_done + result.windows_skipped + result.windows_failed
    if settings.reading.aoi is not None and not windows and not result.failures:
        print(f"mrovseg: {MISSED}", file=sys.stderr)
    return ExitCode.DONE_WITH_FAILURES if result.failures else ExitCode.DONE


def segment(settings: SegmentSettings) -> RunResult:
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
    vocabulary = embed_aloud(checkpoint, settings.vocabulary)
    threshold = OTHER_THRESHOLD if settings.threshold is None else settings.threshold
    for warning in look_ahead(settings.scenes, settings.reading):
        print(f"mrovseg: {redacted(warning)}", file=sys.stderr)
    described = functools.partial(
        run_record.describe,
        settings,
        checkpoint=checkpoint,
        threshold=threshold,
        background=vocabulary.background,
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
    layout = ChipLayout(core_px=checkpoint.config.core_px, halo_px=checkpoint.config.halo_px)
    # Before the output says that this run is at it: one that cannot fit leaves it as it was.
    room = flow.room(settings.flow, layout, checkpoint.image_weights)
    execution = choose_aloud(precision, room=room, flow=settings.flow, gsd_m=settings.reading.gsd_m)
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
                threshold=described.keywords["threshold"],
                kind=ActorSegmenter,
                execution=execution,
            ),
            weights=checkpoint.image_weights,
            layout=layout,
            settings=settings.flow,
            reading=settings.reading,
            made_by=run_record.provenance(description),
            run_id=supervisor.run_id,
            supervise=supervisor,
            still_ours=supervisor.held.check,
        )


def _precision(settings: SegmentSettings, described: Callable[..., dict[str, Any]]) -> str:
    """Return the precision that is asked for, or that of the output's masks; refuse early what `claim` would refuse.

    Raises ResumeError when another run holds the output, or it holds another run, OutputError when it cannot be
    written: neither needs a cluster to be known.
    """
    if settings.overwrite:
        refuse_foreign(settings.output)
    with lease.held(settings.output):
        if settings.overwrite:
            return settings.precision
        before = run_record.precision(settings.output)
        asked = before if before and settings.precision == "auto" else settings.precision
        single = run_record.SINGLE if asked == "auto" else asked
        run_record.check(settings.output, described(precision=single))
        return asked


def class_table(output: Output) -> str:
    """Sum the summary of an output over its scenes, a line a class; below, how many pixels have no area."""
    summary = pq.ParquetFile(io.BytesIO(objects.get_bytes(output.summary)))
    by_class: dict[int, ClassSum] = {}
    for batch in summary.iter_batches():
        for record in batch.to_pylist():
            by_class.setdefault(record["class_id"], ClassSum(record["class_name"])).add(record)
    pixels, unplaced = (sum(getattr(c, name) for c in by_class.values()) for name in ("pixels", "unplaced"))
    area_m2 = sum(each.area_m2 for each in by_class.values())
    lines = [_line(by_class[class_id], pixels, area_m2) for class_id in sorted(by_class)]
    text = table.render(
        ["class", "pixels", "share of pixels", "area km2", "share of area", "mean score"], lines
    )
    if not unplaced:
        return text
    return f"{text}\n{unplaced:,} of {pixels:,} pixels have no place on earth known, and no part in the areas"


@dataclass(slots=True)
class ClassSum:
    """A class over all scenes; its area is that of the pixels which have one."""

    name: str
    pixels: int = 0
    unplaced: int = 0
    area_m2: float = 0.0
    scores: float = 0.0

    def add(self, record: Mapping[str, Any]) -> None:
        """Add a scene's line of the summary."""
        self.unplaced += record["unplaced_pixels"]
        self.area_m2 += record["area_m2"] or 0.0
        self.scores += record["pixels"] * record["mean_score"] if record["pixels"] else 0.0
        self.pixels += record["pixels"]


def _line(found: ClassSum, pixels: int, area_m2: float) -> list[object]:
    placed = found.pixels > found.unplaced or (not found.pixels and area_m2 > 0)
    return [
        found.name,
        found.pixels,
        f"{found.pixels / pixels:.1%}" if pixels else None,
        f"{found.area_m2 / 1e6:.4f}" if placed else None,
        f"{found.area_m2 / area_m2:.1%}" if placed else None,
        f"{found.scores / found.pixels:.2f}" if found.pixels else None,
    ]


def _say_where(output: Output, result: RunResult, *, took_s: float) -> None:
    print(
        f"\nwindows: {result.windows_done} done, {result.windows_skipped} done before, in {duration(took_s)}"
    )
    print(f"failed:  {_failed(result)}\nmasks:   {output.scenes}")
    print(f"summary: {output.summary}")
    if result.failures:
        print(f"failures: {output.failures}", file=sys.stderr)
        _say_failures(result)


def _failed(result: RunResult) -> str:
    """Say how much failed: windows, and scenes whose windows nobody knows."""
    counts = (("window", result.windows_failed), ("scene", result.scenes_failed))
    return ", ".join(f"{n} {name}{'s' if n > 1 else ''}" for name, n in counts if n) or "nothing"


def _say_failures(result: RunResult) -> None:
    listed = result.failures[:LISTED_FAILURES]
    for failure in listed:
        print(f"  {failure}", file=sys.stderr)
    if result.failures_in_all > len(listed):
        print(f"  and {result.failures_in_all - len(listed)} more", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
