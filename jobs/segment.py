"""Segment scenes by words: `mrovseg segment SCENES... --classes "building,house; road" -o OUT`."""

import argparse
import functools
import io
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from jobs import run_record, table
from jobs.exit_codes import ExitCode, ends_with_code
from jobs.going_on import failed_before, going_on
from jobs.settings import SegmentSettings, add_arguments, asked, segment_settings
from jobs.supervision import supervised
from jobs.table import duration
from jobs.wiring import ActorSegmenter, embed_aloud, make_segmenter, say_classes
from mrovseg import checkpoint as checkpoints
from mrovseg.segmenter import OTHER_THRESHOLD
from pipeline import flow, objects
from pipeline.chips import ChipLayout
from pipeline.flow import RunResult
from pipeline.output import FAILURES, SUMMARY

LISTED_FAILURES = 20


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Read the flags, run, and say what was made where."""
    parser = argparse.ArgumentParser(prog="mrovseg segment", description=__doc__)
    add_arguments(parser)
    began_s = time.monotonic()
    settings = segment_settings(going_on(asked(parser.parse_args(argv))))
    result = segment(settings)
    print(class_table(settings.output))
    _say_where(settings.output, result, took_s=time.monotonic() - began_s)
    return ExitCode.DONE_WITH_FAILURES if result.failures else ExitCode.DONE


def segment(settings: SegmentSettings) -> RunResult:
    """Run the flow over the scenes with a segmenter of the checkpoint.

    Raises ConfigError or ModelError before anything is started, PipelineError when the output cannot be
    written. What goes wrong with a scene or a window is in the result and in the output's failures.
    """
    say_classes(settings.vocabulary)
    checkpoint = checkpoints.load(settings.checkpoint)
    vocabulary = embed_aloud(checkpoint, settings.vocabulary)
    threshold = OTHER_THRESHOLD if settings.threshold is None else settings.threshold
    settings.scenes.check()
    description = run_record.describe(
        settings, checkpoint=checkpoint, threshold=threshold, rivals=vocabulary.rivals
    )
    scenes = failed_before(settings.output, settings.scenes) if settings.retry_failed else settings.scenes
    with supervised(settings, description) as supervisor:
        return flow.run(
            scenes,
            output=settings.output,
            classes=settings.vocabulary.names,
            make_segmenter=functools.partial(
                make_segmenter,
                config=checkpoint.config,
                vocabulary=vocabulary,
                threshold=threshold,
                kind=ActorSegmenter,
            ),
            weights=checkpoint.image_weights,
            layout=ChipLayout(core_px=checkpoint.config.core_px, halo_px=checkpoint.config.halo_px),
            settings=settings.flow,
            reading=settings.reading,
            run_id=supervisor.run_id,
            supervise=supervisor,
        )


def class_table(output: str) -> str:
    """Sum the summary of an output over its scenes, a line a class."""
    summary = pq.ParquetFile(io.BytesIO(objects.get_bytes(objects.join(output, SUMMARY))))
    by_class: dict[int, ClassSum] = {}
    for batch in summary.iter_batches():
        for record in batch.to_pylist():
            by_class.setdefault(record["class_id"], ClassSum(record["class_name"])).add(record)
    everything = sum(each.pixels for each in by_class.values())
    lines = [_line(by_class[class_id], everything) for class_id in sorted(by_class)]
    return table.render(["class", "pixels", "share", "area km2", "mean score"], lines)


@dataclass(slots=True)
class ClassSum:
    """A class over all scenes; one scene without areas leaves it without one."""

    name: str
    pixels: int = 0
    area_m2: float | None = 0.0
    scores: float = 0.0

    def add(self, record: Mapping[str, Any]) -> None:
        """Add a scene's line of the summary."""
        known = self.area_m2 is not None and record["area_m2"] is not None
        self.area_m2 = self.area_m2 + record["area_m2"] if known else None
        self.scores += record["pixels"] * record["mean_score"] if record["pixels"] else 0.0
        self.pixels += record["pixels"]


def _line(found: ClassSum, everything: int) -> list[object]:
    return [
        found.name,
        found.pixels,
        f"{found.pixels / everything:.1%}" if everything else None,
        None if found.area_m2 is None else f"{found.area_m2 / 1e6:.4f}",
        f"{found.scores / found.pixels:.2f}" if found.pixels else None,
    ]


def _say_where(output: str, result: RunResult, *, took_s: float) -> None:
    print(f"\nwindows: {result.windows_done} done, {result.windows_skipped} done before", end="")
    print(
        f", {result.windows_failed} failed, in {duration(took_s)}\nmasks:   {objects.join(output, 'scenes')}"
    )
    print(f"summary: {objects.join(output, SUMMARY)}")
    if result.failures:
        print(f"failures: {objects.join(output, FAILURES)}", file=sys.stderr)
        _say_failures(result)


def _say_failures(result: RunResult) -> None:
    listed = result.failures[:LISTED_FAILURES]
    for failure in listed:
        print(f"  {failure}", file=sys.stderr)
    if result.failures_in_all > len(listed):
        print(f"  and {result.failures_in_all - len(listed)} more", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
